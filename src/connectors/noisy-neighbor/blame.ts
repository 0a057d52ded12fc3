import type { Attributes } from '@opentelemetry/api';
import type { DataPoint } from '@opentelemetry/sdk-metrics';
import { culpritAttributes, otherCulprit } from '../../telemetry/attributes/culprit.ts';
import { culpritName } from '../../telemetry/attributes/readable-name.ts';
import { type Cause, causes, waitAttributes } from '../../telemetry/attributes/wait.ts';

/**
 * Time that culprits took from one workload in one window, a row for each culprit and cause. Columns of the same length:
 * a window of a large node has tens of thousands of rows, which as objects take most of the window's time.
 */
export interface Blame {
  readonly cause: readonly Cause[];
  /** Undefined: the culprits beyond the named ones, or one without a name. */
  readonly culprit: readonly (Culprit | undefined)[];
  /** Seconds. */
  readonly time: readonly number[];
  /** Seconds of it beyond the culprit's share. */
  readonly excess: readonly number[];
}

/** Of one window it is the same object for all its victims. */
export interface Culprit {
  readonly cgroup: string;
  readonly name: string;
  readonly attributes: Attributes;
}

/** A culprit as the points of one window name it, with its excess for the victim that was read last. */
interface Named {
  readonly culprit: Culprit | undefined;
  victim: object | undefined;
  cause: Cause;
  excess: number;
}

/** The blame of one window: a culprit that many wait for is read once. */
export class Blames {
  readonly #byCgroup = new Map<unknown, Named>();

  /** Of a victim a culprit has excess for one cause: what the two are to each other. */
  of({ blameTime = [], excessTime = [] }: Readonly<Record<string, readonly DataPoint<number>[]>>): Blame {
    for (const point of excessTime) {
      const of = this.#named(point.attributes);
      of.victim = excessTime;
      of.cause = causeOf(point);
      of.excess = point.value;
    }
    const named = blameTime.map(({ attributes }) => this.#named(attributes));
    const cause = blameTime.map(causeOf);
    return {
      cause,
      culprit: named.map(({ culprit }) => culprit),
      time: blameTime.map(({ value }) => value),
      excess: named.map(({ victim, cause: of, excess }, row) =>
        victim === excessTime && of === cause[row] ? excess : 0,
      ),
    };
  }

  #named(attributes: Attributes): Named {
    // in a recording cgroups have paths and no ids
    const cgroup = attributes[culpritAttributes.cgroupId.key] ?? attributes[culpritAttributes.cgroupPath.key];
    const known = this.#byCgroup.get(cgroup);
    if (known) return known;
    const name = culpritName(attributes);
    const isNamed = cgroup !== undefined && cgroup !== otherCulprit && name !== undefined && name !== cgroup;
    const culprit = isNamed ? { cgroup: String(cgroup), name, attributes } : undefined;
    const named: Named = { culprit, victim: undefined, cause: 'unknown', excess: 0 };
    this.#byCgroup.set(cgroup, named);
    return named;
  }
}

export const causeOf = ({ attributes }: DataPoint<number>): Cause =>
  causeByName.get(attributes[waitAttributes.cause.key]) ?? 'unknown';

const causeByName = new Map<unknown, Cause>(causes.map((cause) => [cause, cause]));
