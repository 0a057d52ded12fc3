import type { Attributes } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { Interval } from './metrics/build.ts';
import { withSharedResources } from './shared-resources.ts';
import type { SignalKind } from './signal-kind.ts';
import { pack } from './split.ts';
import { mapChanged, type Visit } from './visit.ts';

export interface ProfilesBatch {
  readonly signal: 'profiles';
  readonly profiles: readonly ResourceProfile[];
}

/** Samples of stacks of one resource, of one type, in columns: a sample is one index into each of them. */
export interface ResourceProfile {
  readonly resource: Resource;
  readonly interval: Interval;
  /** What a value counts, such as `cpu` in `nanoseconds`. */
  readonly sampleType: { readonly type: string; readonly unit: string };
  /** Each distinct stack once, innermost frame first. */
  readonly stacks: readonly (readonly Frame[])[];
  /** Each distinct set of attributes once. */
  readonly attributes: readonly Attributes[];
  readonly samples: SampleColumns;
}

export interface SampleColumns {
  /** Indices into `stacks`. */
  readonly stack: Uint32Array;
  /** Indices into `attributes`. */
  readonly attributes: Uint32Array;
  /** In the unit of the sample type. */
  readonly value: Float64Array;
}

export interface Frame {
  /** `kernel`, `native`, `go`, …: values of OpenTelemetry's `profile.frame.type`. */
  readonly type: string;
  /** Undefined: it has no symbol. */
  readonly function?: string;
  readonly file?: string;
  readonly line?: number;
  /** Build id of the executable or library. */
  readonly buildId?: string;
  /** In that file, or in the kernel. */
  readonly address?: bigint;
}

export const profiles = {
  item: { noun: 'profile_samples', unit: '{sample}' },
  count: (batch) => batch.profiles.reduce((sum, profile) => sum + samplesIn(profile), 0),
  empty: (): ProfilesBatch => ({ signal: 'profiles', profiles: [] }),
  map(batch, visit) {
    const mapped = mapChanged(batch.profiles, (profile) => mapProfile(profile, visit));
    return mapped === batch.profiles ? batch : { signal: 'profiles', profiles: mapped };
  },
  split: (batch, most) =>
    pack(
      batch.profiles.flatMap((profile) => cut(profile, most)),
      samplesIn,
      most,
    ).map((part) => ({ signal: 'profiles', profiles: part })),
  join: (batches) => ({
    signal: 'profiles',
    profiles: withSharedResources(batches.map((batch) => batch.profiles)),
  }),
} as const satisfies SignalKind<ProfilesBatch>;

const samplesIn = ({ samples }: ResourceProfile) => samples.value.length;

function mapProfile(profile: ResourceProfile, visit: Visit): ResourceProfile | undefined {
  const at = profile.interval.end;
  const resource = visit.resource(profile.resource, { at, items: samplesIn(profile) });
  if (resource === undefined) return undefined;
  const counts = profile.attributes.map(() => 0);
  for (const set of profile.samples.attributes) counts[set] = (counts[set] ?? 0) + 1;
  let set = 0;
  const attributes = mapChanged(profile.attributes, (each) => {
    const items = counts[set++] ?? 0;
    return items === 0 ? each : visit.item(each, { at, resource: profile.resource, items });
  });
  const isSame = resource === profile.resource && attributes === profile.attributes;
  return isSame ? profile : { ...profile, resource, attributes };
}

/** Parts share the tables of stacks and attributes, and the memory of the columns. */
function cut(profile: ResourceProfile, most: number): readonly ResourceProfile[] {
  const { stack, attributes, value } = profile.samples;
  return Array.from({ length: Math.ceil(value.length / most) }, (_, index) => {
    const range = [index * most, (index + 1) * most] as const;
    const samples = {
      stack: stack.subarray(...range),
      attributes: attributes.subarray(...range),
      value: value.subarray(...range),
    };
    return { ...profile, samples };
  });
}
