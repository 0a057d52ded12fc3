import type { Cause } from '../telemetry/attributes/wait.ts';

/** Why a workload waited for CPU over some time, as JSON. Times are seconds, shares 0 to 1, points in time RFC 3339. */
export interface Answer {
  readonly workload: Name;
  /** Description of the recording that it is from; absent: of this machine. */
  readonly recording?: string;
  readonly period: Period;
  /** For a person, with the main culprit. */
  readonly sentence: string;
  readonly wait: {
    readonly seconds: number;
    /** Of the time in which the workload could run. */
    readonly share: number;
    /** Completed ones. */
    readonly count: number;
    /** The highest of the windows. */
    readonly p99?: number;
    /** What is usual; absent: not known yet. */
    readonly baseline?: Baseline;
    readonly trend?: string;
  };
  readonly run: number;
  /** They sum to the wait, the longest first. */
  readonly causes: readonly { readonly cause: Cause; readonly seconds: number; readonly share: number }[];
  /** They explain the whole wait, the one of the longest part first. */
  readonly verdicts: readonly Verdict[];
  /** The workloads behind which it waited, over all causes, the longest first. */
  readonly culprits: readonly Culprit[];
  readonly confidence?: Confidence;
  readonly advice?: string;
  /** Windows in which a verdict was worth a finding. */
  readonly affected: { readonly windows: number; readonly worst?: Worst };
  /** Those that are active now. */
  readonly findings: readonly ActiveFinding[];
}

/** What is known of a name. */
export interface Name {
  readonly name: string;
  readonly cgroup?: string;
  readonly namespace?: string;
  readonly pod?: string;
  readonly container?: string;
  /** `Deployment checkout` */
  readonly owner?: string;
}

export interface Period {
  readonly from: string;
  readonly to: string;
  /** Time in which the workload was there. */
  readonly seconds: number;
  readonly windows: number;
  /** What was asked for. */
  readonly since: number;
  /** Windows before it are not held any more, or there were none. */
  readonly heldFrom: string;
}

export interface Baseline {
  readonly p99: number;
  readonly spread: number;
  readonly source: string;
}

export interface Verdict {
  readonly verdict: string;
  readonly seconds: number;
  readonly share: number;
  readonly score: number;
  readonly confidence: number;
}

export interface Culprit extends Name {
  readonly cause: Cause;
  readonly seconds: number;
  /** Of the victim's wait. */
  readonly share: number;
  /** The part of it beyond its share of the CPU, of the victim's wait. */
  readonly excess: number;
}

export interface Confidence {
  readonly value: number;
  /** The heaviest first, each with the factor that it leaves. */
  readonly loweredBy: readonly {
    readonly doubt: string;
    readonly meaning: string;
    readonly factor: number;
  }[];
}

export interface Worst {
  readonly at: string;
  readonly seconds: number;
  /** Of its runnable time, what it lost to the verdict. */
  readonly share: number;
  readonly verdict: string;
  readonly culprit?: string;
}

export interface ActiveFinding {
  readonly id: string;
  readonly severity: string;
  readonly since: string;
  readonly verdict: string;
  /** Workloads that the same culprit hurts. */
  readonly victims: number;
}

/** A workload that is known. */
export interface Known extends Name {
  /** The same in all windows. */
  readonly key: string;
  /** Ids by which it is found too: of its container, pod, unit and cgroup. */
  readonly ids: readonly string[];
  /** The part of its runnable time that it waited, in the newest minute. */
  readonly waitShare: number;
}

export type Candidate = Omit<Known, 'key' | 'ids'>;

/** The answer to a question about a name. */
export type Reply =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'ambiguous'; readonly candidates: readonly Candidate[] }
  /** `near`: names that look like it; without any, those that waited most. */
  | {
      readonly kind: 'unknown';
      readonly near: readonly string[];
      readonly isAlike: boolean;
      readonly workloads: number;
    }
  /** No window has passed yet, or no component gives answers. */
  | { readonly kind: 'nothing'; readonly reason: 'no_connector' | 'no_window' };
