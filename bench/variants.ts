import { fileURLToPath } from 'node:url';
import { createBpfHost } from '../src/bpf/host.ts';
import type { Native, NativeObject, OpenOptions } from '../src/bpf/native.ts';
import { Serials } from '../src/cgroup/serials.ts';
import { jsonSchema } from '../src/config/schema/json-schema.ts';
import { openLiveScheduler } from '../src/receivers/scheduler/live-scheduler.ts';
import { scheduler } from '../src/receivers/scheduler/scheduler.ts';
import { pairsFor, workloadsFor } from '../src/receivers/scheduler/sizes.ts';
import { milliseconds } from '../src/telemetry/units.ts';

/** What is attached to the scheduler during a trial. */
export interface Variant {
  /** Loads and attaches; the agent's own way where it is the agent's object. */
  open(native: Native): Attached;
  /** The ring buffer whose records wake a reader. */
  readonly consumerOf?: string;
}

export interface Attached {
  /** Called each second, as the agent does. */
  tick(): void;
}

const objectOf = (name: string) => fileURLToPath(new URL(`../build/bench/${name}.bpf.o`, import.meta.url));

function attach(name: string, options: OpenOptions = {}) {
  return (native: Native): Attached => {
    const object: NativeObject = native.open(objectOf(name), options);
    native.load(object);
    native.attach(object);
    return { tick: () => undefined };
  };
}

function defaultOf(key: 'sample' | 'events_per_second'): number {
  const value = jsonSchema(scheduler.config).properties?.[key]?.default;
  if (typeof value !== 'number') throw new Error(`cannot read the default of ${key}: it is ${value}`);
  return value;
}

/** Of a small node. */
const leastWorkloads = workloadsFor({ cpus: 1, cgroups: 0 });

function attachAgent(native: Native): Attached {
  const serials = new Serials(leastWorkloads);
  const source = openLiveScheduler(
    createBpfHost({ load: () => native }),
    {
      minWait: milliseconds(5),
      sample: defaultOf('sample'),
      eventRate: defaultOf('events_per_second'),
      maxWorkloads: leastWorkloads,
      maxPairs: pairsFor(leastWorkloads),
    },
    { serials: () => serials },
  );
  return { tick: () => source.drain() };
}

const netflixGap = 1_000_000; // ns, as published

export const variants = {
  none: undefined,
  empty: { open: attach('empty') },
  earshot: { open: attachAgent },
  runqlat: { open: attach('runqlat') },
  netflix: { open: attach('netflix', { rodata: { event_gap: netflixGap } }), consumerOf: 'netflix_events' },
  netflix_unlimited: { open: attach('netflix'), consumerOf: 'netflix_events' },
} as const satisfies Readonly<Record<string, Variant | undefined>>;

export type VariantName = keyof typeof variants;
export const isVariant = (name: string): name is VariantName => Object.hasOwn(variants, name);
