import assert from 'node:assert/strict';
import type { Attributes } from '@opentelemetry/api';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { Host } from '../../../../src/component.ts';
import { components } from '../../../../src/components.ts';
import { loadConfig } from '../../../../src/config/load.ts';
import type { SamplingConfig } from '../../../../src/processors/sampling/config.ts';
import { samplingEmits } from '../../../../src/processors/sampling/emits.ts';
import { sampling } from '../../../../src/processors/sampling/sampling.ts';
import { waitEvent } from '../../../../src/receivers/scheduler/emits.ts';
import { eventAttributes } from '../../../../src/telemetry/attributes/event.ts';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import type { Batch, Signal } from '../../../../src/telemetry/batch.ts';
import type { CounterMetric } from '../../../../src/telemetry/emits.ts';
import { event } from '../../../../src/telemetry/logs.ts';
import { resource } from '../../../../src/telemetry/metrics/build.ts';
import { nanoseconds, seconds } from '../../../../src/telemetry/units.ts';
import type { Weighted } from '../../../lab/weighted-estimates.ts';
import { interval } from '../../batch-with.ts';
import { fakeHost } from '../../fake-host.ts';

/** A configuration of the processor as the loader checks and completes it. Throws the loader's error. */
export function samplingSettings(written: object): SamplingConfig {
  const text = JSON.stringify({
    receivers: { agent: {} },
    processors: { sampling: written },
    exporters: { table: {} },
    service: {
      pipelines: { metrics: { receivers: ['agent'], processors: ['sampling'], exporters: ['table'] } },
    },
  });
  const config = loadConfig({ files: ['test'], sets: [], environment: {}, readFile: () => text }, components);
  return config.processors.get('sampling')?.config as unknown as SamplingConfig; // by the schema of `sampling`
}

/** The same numbers in [0, 1) for the same seed: mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface MadeWait {
  /** Seconds. */
  readonly wait: number;
  readonly workload?: string;
  /** Undefined: the record has none. */
  readonly weight?: number;
  readonly attributes?: Attributes;
}

const resources = new Map<string, ReturnType<typeof resource>>();

export function workloadResource(workload: string) {
  const known = resources.get(workload) ?? resource({ [resourceAttributes.serviceInstanceId.key]: workload });
  resources.set(workload, known);
  return known;
}

export const record = ({ wait, workload = 'web', weight, attributes }: MadeWait): ReadableLogRecord =>
  event(waitEvent, {
    resource: workloadResource(workload),
    at: interval.end,
    observed: interval.end,
    attributes: {
      [eventAttributes.duration.key]: wait,
      ...(weight !== undefined && { [eventAttributes.weight.key]: weight }),
      ...attributes,
    },
  });

export const waits = (...made: readonly MadeWait[]): Batch => ({ signal: 'logs', records: made.map(record) });

export function recordsOf(batch: Batch): readonly ReadableLogRecord[] {
  assert.ok(batch.signal === 'logs');
  return batch.records;
}

/** What a backend computes with. */
export const weightedIn = (batches: readonly Batch[]): readonly Weighted[] =>
  batches.flatMap(recordsOf).map(({ attributes }) => ({
    value: Number(attributes[eventAttributes.duration.key]),
    weight: Number(attributes[eventAttributes.weight.key] ?? 1),
  }));

export interface FixtureOptions {
  readonly signal?: Signal;
  readonly seed?: number;
  /** A host whose services are shared. */
  readonly like?: Host;
}

/** The processor with a clock that the test moves and chances that repeat. */
export async function fixture(written: object, { signal = 'logs', seed = 1, like }: FixtureOptions = {}) {
  const host = like ?? fakeHost('sampling', samplingEmits).host;
  let elapsed = 0;
  const processor = await sampling.open(samplingSettings(written), {
    ...host,
    signals: new Set([signal]),
    clock: { ...host.clock, elapsed: () => nanoseconds(elapsed), random: seededRandom(seed) },
  });
  return {
    ...{ processor, host },
    pass: (time: number) => {
      elapsed += seconds(time);
    },
    /** What each pull yields, in order. */
    pull: async () => {
      const batches: Batch[] = [];
      for (const pull of processor.pulls ?? []) batches.push(...(await pull.collect()));
      return batches;
    },
    flush: () => processor.flush?.() ?? [],
    /** By reason. */
    counted: (metric: CounterMetric) =>
      Object.fromEntries(
        host.counters
          .read()
          .filter((each) => each.metric === metric)
          .map(({ attributes, value }) => [attributes.reason ?? '', value]),
      ),
  };
}
