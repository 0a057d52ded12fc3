import type { Attributes } from '@opentelemetry/api';
import type { DataPoint } from '@opentelemetry/sdk-metrics';
import { culpritAttributes, otherCulprit } from '../../telemetry/attributes/culprit.ts';
import { culpritName } from '../../telemetry/attributes/readable-name.ts';
import { type Cause, causes, waitAttributes } from '../../telemetry/attributes/wait.ts';

/** Time that culprits took from one workload in one window: some of the rows, one for each culprit and cause. */
export interface Blame {
  readonly rows: BlameRows;
  readonly begin: number;
  /** Behind its last row. */
  readonly end: number;
}

export interface BlameRows extends BlameColumns {
  /** Each once. The first is undefined: those beyond the named ones, and those without a name. */
  readonly culprits: readonly (Culprit | undefined)[];
}

/** A window of a large node has tens of thousands of rows, which as objects take most of the window's time. */
export interface BlameColumns {
  /** Index in the list of causes. */
  readonly cause: Uint8Array;
  /** Index in `culprits`. */
  readonly culprit: Uint32Array;
  /** Seconds. */
  readonly time: Float64Array;
  /** Seconds of it beyond the culprit's share. */
  readonly excess: Float64Array;
}

/** Of one window it is the same object for all its victims. */
export interface Culprit {
  readonly cgroup: string;
  readonly name: string;
  readonly attributes: Attributes;
}

export const blameColumns = (rows: number): BlameColumns => ({
  cause: new Uint8Array(rows),
  culprit: new Uint32Array(rows),
  time: new Float64Array(rows),
  excess: new Float64Array(rows),
});

export const culpritIn = ({ culprit, culprits }: BlameRows, row: number): Culprit | undefined =>
  culprits[culprit[row] ?? 0];

/** A culprit as the points of one window name it, with its excess for the victim that was read last. */
interface Named {
  /** Index in `culprits`. */
  readonly index: number;
  victim: object | undefined;
  cause: number;
  excess: number;
}

/** The blame of one window, of at most so many rows: a culprit that many wait for is read once. */
export class Blames {
  readonly #rows: BlameRows;
  readonly #culprits: (Culprit | undefined)[] = [undefined];
  readonly #byCgroup = new Map<unknown, Named>();
  #count = 0;

  constructor(most: number) {
    this.#rows = { ...blameColumns(most), culprits: this.#culprits };
  }

  /** Of a victim a culprit has excess for one cause: what the two are to each other. */
  of({ blameTime = [], excessTime = [] }: Readonly<Record<string, readonly DataPoint<number>[]>>): Blame {
    for (const point of excessTime) {
      const of = this.#named(point.attributes);
      of.victim = excessTime;
      of.cause = causeIndex(point);
      of.excess = point.value;
    }
    const { cause, culprit, time, excess } = this.#rows;
    const begin = this.#count;
    for (const point of blameTime) {
      const row = this.#count++;
      const of = this.#named(point.attributes);
      const index = causeIndex(point);
      cause[row] = index;
      culprit[row] = of.index;
      time[row] = point.value;
      excess[row] = of.victim === excessTime && of.cause === index ? of.excess : 0;
    }
    return { rows: this.#rows, begin, end: this.#count };
  }

  #named(attributes: Attributes): Named {
    // in a recording cgroups have paths and no ids
    const cgroup = attributes[cgroupKey] ?? attributes[pathKey];
    const known = this.#byCgroup.get(cgroup);
    if (known) return known;
    const name = culpritName(attributes);
    const isNamed = cgroup !== undefined && cgroup !== otherCulprit && name !== undefined && name !== cgroup;
    const index = isNamed ? this.#culprits.push({ cgroup: String(cgroup), name, attributes }) - 1 : 0;
    const named: Named = { index, victim: undefined, cause: 0, excess: 0 };
    this.#byCgroup.set(cgroup, named);
    return named;
  }
}

const cgroupKey = culpritAttributes.cgroupId.key;
const pathKey = culpritAttributes.cgroupPath.key;
const causeKey = waitAttributes.cause.key;

const indexByCause = new Map<unknown, number>(causes.map((cause, index) => [cause, index]));
const unknown = causes.indexOf('unknown');

/** Index in the list of causes. */
export const indexOfCause = (cause: unknown): number => indexByCause.get(cause) ?? unknown;

const causeIndex = ({ attributes }: DataPoint<number>) => indexOfCause(attributes[causeKey]);

export const causeOf = (point: DataPoint<number>): Cause => causes[causeIndex(point)] ?? 'unknown';

/** Some causes, and for the cause of a row whether it is one of them. */
export interface CauseSet {
  readonly causes: readonly Cause[];
  /** By index of the cause. */
  readonly has: readonly boolean[];
}

export const causeSet = (...some: readonly Cause[]): CauseSet => ({
  causes: some,
  has: causes.map((cause) => some.includes(cause)),
});
