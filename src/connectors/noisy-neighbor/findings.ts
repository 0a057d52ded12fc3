import { createHash } from 'node:crypto';
import type { UnixNanoseconds } from '../../telemetry/units.ts';
import type { NoisyNeighborConfig, Severity } from './config.ts';
import { severities } from './config.ts';
import type { Diagnosis } from './diagnose.ts';
import { type Held, hold, neverHeld } from './sustained.ts';

export const findingStates = ['begin', 'escalate', 'repeat', 'end'] as const;
export type FindingState = (typeof findingStates)[number];

/** What happened to a finding in a window. */
export interface Change {
  readonly state: FindingState;
  readonly finding: Finding;
}

/** A verdict about a workload that has been sustained, until it no longer is. */
export interface Finding {
  /** The same for the same victim, verdict and culprit, always. */
  readonly id: string;
  readonly severity: Severity;
  readonly since: UnixNanoseconds;
  /** Of the newest window in which it held. */
  readonly diagnosis: Diagnosis;
  /** Findings about other victims with the same verdict and culprit are one incident. */
  readonly incident: Incident;
  /** Added by escalation rules. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Incident {
  readonly id: string;
  /** Workloads with an active finding of the incident. */
  readonly victims: number;
  /** The finding that stands for the incident; the others are of severity INFO. */
  readonly isLeading: boolean;
}

interface Tracked {
  readonly id: string;
  readonly incident: string;
  readonly key: string;
  diagnosis: Diagnosis;
  /** By rule of `severities`. */
  rules: readonly Held[];
  /** Whether it is still there, by the lower threshold of its end. */
  remains: Held;
  active: { severity: Severity; since: UnixNanoseconds; reported: UnixNanoseconds } | undefined;
}

/** Of all workloads: what begins, escalates, is repeated and ends. */
export class Findings {
  readonly #config: NoisyNeighborConfig;
  readonly #tracked = new Map<string, Tracked>();
  /** Active ones by incident, the leading one first. */
  readonly #incidents = new Map<string, Set<Tracked>>();
  readonly #onEvicted: () => void;

  constructor(config: NoisyNeighborConfig, onEvicted: () => void) {
    this.#config = config;
    this.#onEvicted = onEvicted;
  }

  get active(): number {
    let active = 0;
    for (const all of this.#incidents.values()) active += all.size;
    return active;
  }

  /** Takes the diagnoses of one window, of all workloads. */
  take(diagnoses: readonly Diagnosis[], at: UnixNanoseconds): readonly Change[] {
    const seen = new Map<string, Diagnosis>();
    for (const diagnosis of diagnoses) {
      const key = keyOf(diagnosis);
      seen.set(key, diagnosis);
      if (!this.#tracked.has(key)) this.#track(key, diagnosis);
    }
    const changes: Change[] = [];
    for (const [key, tracked] of this.#tracked) {
      changes.push(...this.#advance(tracked, seen.get(key), at));
    }
    return changes;
  }

  /** Workloads with what is or may become a finding. */
  victims(): ReadonlySet<string> {
    return new Set([...this.#tracked.values()].map(({ diagnosis }) => diagnosis.victim.key));
  }

  /** Cgroups that findings name as the culprit, by victim. */
  culprits(): ReadonlyMap<string, ReadonlySet<string>> {
    const byVictim = new Map<string, Set<string>>();
    for (const { diagnosis } of this.#tracked.values()) {
      const cgroup = diagnosis.explanation.culprits[0]?.culprit.cgroup;
      if (cgroup === undefined) continue;
      const { key } = diagnosis.victim;
      byVictim.set(key, (byVictim.get(key) ?? new Set()).add(cgroup));
    }
    return byVictim;
  }

  #track(key: string, diagnosis: Diagnosis): void {
    if (this.#tracked.size >= this.#config.max_workloads) {
      const idle = [...this.#tracked.values()].find(({ active }) => !active);
      this.#onEvicted();
      if (!idle) return;
      this.#tracked.delete(idle.key);
    }
    const { verdict, culprits } = diagnosis.explanation;
    const culprit = culprits[0]?.culprit.name ?? '';
    const incident = culprit ? [verdict, culprit] : [verdict, diagnosis.victim.key];
    this.#tracked.set(key, {
      ...{ key, diagnosis, id: idOf([diagnosis.victim.key, verdict, culprit]), incident: idOf(incident) },
      rules: this.#config.severities.map(() => neverHeld),
      ...{ remains: neverHeld, active: undefined },
    });
  }

  #advance(tracked: Tracked, diagnosis: Diagnosis | undefined, at: UnixNanoseconds): readonly Change[] {
    const { severities: rules, sustained } = this.#config;
    const now = Number(at);
    tracked.rules = tracked.rules.map((held, index) =>
      hold(held, this.#holds(rules[index], diagnosis), now, sustained),
    );
    tracked.remains = hold(tracked.remains, this.#remains(diagnosis), now, sustained);
    if (diagnosis) tracked.diagnosis = diagnosis;
    if (tracked.remains.windows === 0) return this.#end(tracked, at);
    const severity = this.#severityOf(tracked, now);
    const { active } = tracked;
    if (!active) return severity ? [this.#begin(tracked, severity, at)] : [];
    const escalates = severity !== undefined && isWorse(severity, active.severity);
    if (escalates) active.severity = severity;
    if (!this.#isLeading(tracked)) return [];
    if (escalates) return [this.#report(tracked, 'escalate', at)];
    const isDue = now - Number(active.reported) >= this.#config.cool_down;
    return isDue ? [this.#report(tracked, 'repeat', at)] : [];
  }

  #holds(
    rule: NoisyNeighborConfig['severities'][number] | undefined,
    diagnosis: Diagnosis | undefined,
  ): boolean {
    if (!rule || !diagnosis) return false;
    const { explanation, confidence } = diagnosis;
    const isConfident = explanation.verdict === 'undetermined' || confidence.value >= rule.confidence_min;
    return isConfident && explanation.score >= rule.score;
  }

  #remains(diagnosis: Diagnosis | undefined): boolean {
    const lowest = Math.min(...this.#config.severities.map(({ score }) => score));
    return diagnosis !== undefined && diagnosis.explanation.score >= this.#config.hysteresis * lowest;
  }

  /** By the rules, and of an active finding by its escalations. */
  #severityOf(tracked: Tracked, now: number): Severity | undefined {
    const { severities: rules } = this.#config;
    const reached = rules.flatMap(({ severity, sustained_for }, index) => {
      const since = tracked.rules[index]?.since;
      return since !== undefined && now - since >= sustained_for ? [severity] : [];
    });
    if (tracked.active)
      for (const { severity } of this.#escalationsOf(tracked, now)) if (severity) reached.push(severity);
    return reached.sort((a, b) => severities.indexOf(b) - severities.indexOf(a))[0];
  }

  #escalationsOf(tracked: Tracked, now: number): NoisyNeighborConfig['escalations'] {
    const since = tracked.active?.since;
    if (since === undefined) return [];
    const victims = this.#incidents.get(tracked.incident)?.size ?? 0;
    const { verdict } = tracked.diagnosis.explanation;
    return this.#config.escalations.filter(
      (rule) =>
        now - Number(since) >= rule.active_for &&
        victims >= rule.victims &&
        (rule.verdicts.length === 0 || rule.verdicts.includes(verdict)),
    );
  }

  #begin(tracked: Tracked, severity: Severity, at: UnixNanoseconds): Change {
    const others = this.#incidents.get(tracked.incident) ?? new Set<Tracked>();
    this.#incidents.set(tracked.incident, others.add(tracked));
    tracked.active = { severity, since: at, reported: at };
    return this.#report(tracked, 'begin', at);
  }

  /** Where the finding led its incident, the next one is reported as the one that leads. */
  #end(tracked: Tracked, at: UnixNanoseconds): readonly Change[] {
    this.#tracked.delete(tracked.key);
    if (!tracked.active) return [];
    const wasLeading = this.#isLeading(tracked);
    const ended = { state: 'end', finding: this.#findingOf(tracked) } as const;
    const others = this.#incidents.get(tracked.incident);
    others?.delete(tracked);
    const [next] = others ?? [];
    if (!next) this.#incidents.delete(tracked.incident);
    return next && wasLeading ? [ended, this.#report(next, 'repeat', at)] : [ended];
  }

  #report(tracked: Tracked, state: FindingState, at: UnixNanoseconds): Change {
    if (tracked.active) tracked.active.reported = at;
    return { state, finding: this.#findingOf(tracked) };
  }

  #isLeading(tracked: Tracked): boolean {
    const [leading] = this.#incidents.get(tracked.incident) ?? [];
    return leading === tracked;
  }

  #findingOf(tracked: Tracked): Finding {
    const { severity, since, reported } = tracked.active ?? { severity: 'INFO', since: 0n, reported: 0n };
    const isLeading = this.#isLeading(tracked);
    const victims = this.#incidents.get(tracked.incident)?.size ?? 0;
    const added = this.#escalationsOf(tracked, Number(reported)).map(({ attributes }) => attributes);
    return {
      ...{ id: tracked.id, since: since as UnixNanoseconds, diagnosis: tracked.diagnosis },
      severity: isLeading ? severity : 'INFO',
      incident: { id: tracked.incident, victims, isLeading },
      attributes: Object.assign({}, ...added),
    };
  }
}

const isWorse = (a: Severity, b: Severity) => severities.indexOf(a) > severities.indexOf(b);

const keyOf = ({ victim, explanation: { verdict, culprits } }: Diagnosis) =>
  JSON.stringify([victim.key, verdict, culprits[0]?.culprit.cgroup]);

const idOf = (parts: readonly string[]) =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
