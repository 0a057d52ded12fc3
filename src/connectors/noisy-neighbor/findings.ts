import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Interval } from '../../telemetry/metrics/build.ts';
import type { UnixNanoseconds } from '../../telemetry/units.ts';
import type { NoisyNeighborConfig, Severity, SeverityRule } from './config.ts';
import { severities } from './config.ts';
import type { Diagnosis } from './diagnose.ts';
import { type Held, hold, neverHeld, withoutGap } from './sustained.ts';

export type FindingState = 'begin' | 'escalate' | 'repeat' | 'end';

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
  readonly rules: Held[];
  /** The end of the last window. */
  seen: UnixNanoseconds;
  /** Whether it is still there, by the lower threshold of its end. */
  remains: Held;
  active: Active | undefined;
}

interface Active {
  severity: Severity;
  readonly since: UnixNanoseconds;
  reported: UnixNanoseconds;
}

/** An active finding with all that its future depends on. */
export interface OpenFinding extends Readonly<Omit<Tracked, 'key' | 'active' | 'rules'>> {
  readonly active: Readonly<Active>;
  readonly isLeading: boolean;
  /** Of a former run, as it was configured then. */
  readonly rules: readonly HeldRule[];
}

export interface HeldRule {
  readonly rule: SeverityRule;
  readonly held: Held;
}

/** Of all workloads: what begins, escalates, is repeated and ends. */
export class Findings {
  readonly #config: NoisyNeighborConfig;
  /** With which a finding remains. */
  readonly #leastScore: number;
  readonly #tracked = new Map<string, Tracked>();
  /** Active ones by incident, the leading one first. */
  readonly #incidents = new Map<string, Set<Tracked>>();
  readonly #onEvicted: () => void;

  constructor(config: NoisyNeighborConfig, onEvicted: () => void) {
    this.#config = config;
    this.#leastScore = config.hysteresis * Math.min(...config.severities.map(({ score }) => score));
    this.#onEvicted = onEvicted;
  }

  get active(): number {
    let active = 0;
    for (const all of this.#incidents.values()) active += all.size;
    return active;
  }

  /** Takes the diagnoses of one window, of all workloads. */
  take(diagnoses: readonly Diagnosis[], window: Interval): readonly Change[] {
    const seen = new Map<string, Diagnosis>();
    for (const diagnosis of diagnoses) seen.set(keyOf(diagnosis), diagnosis);
    for (const [key, diagnosis] of seen)
      if (!this.#tracked.has(key)) this.#track(key, diagnosis, { seen, window });
    const changes: Change[] = [];
    const ended: Tracked[] = [];
    for (const [key, tracked] of this.#tracked) {
      const change = this.#advance(tracked, seen.get(key), window);
      if (change === 'ended') ended.push(tracked);
      else if (change) changes.push(change);
    }
    return [...changes, ...this.#end(ended, window.end)];
  }

  /** Active ones. */
  open(): readonly OpenFinding[] {
    const { severities } = this.#config;
    return [...this.#tracked.values()].flatMap(({ key: _, active, ...tracked }) => {
      if (!active) return [];
      const rules = severities.map((rule, index) => ({ rule, held: tracked.rules[index] ?? neverHeld }));
      return [{ ...tracked, active, rules, isLeading: this.#isLeading(tracked) }];
    });
  }

  /** Active ones of a former run of the agent; one that has begun anew since goes on as it is. Yields the ids of those without room. */
  restore(open: readonly OpenFinding[]): readonly string[] {
    const inOrder = open.toSorted(
      (a, b) => Number(b.isLeading) - Number(a.isLeading) || Number(a.active.since - b.active.since),
    );
    const evicted: string[] = [];
    for (const { isLeading: _, ...finding } of inOrder) {
      const key = keyOf(finding.diagnosis);
      const sinceStart = this.#tracked.get(key);
      if (sinceStart?.active) continue;
      if (!sinceStart && this.#tracked.size >= this.#config.max_workloads) {
        this.#onEvicted();
        evicted.push(finding.id);
        continue;
      }
      const rules = this.#config.severities.map(
        (rule) => finding.rules.find((of) => isDeepStrictEqual(of.rule, rule))?.held ?? neverHeld,
      );
      const tracked = { ...finding, key, rules, active: { ...finding.active } };
      this.#tracked.set(key, tracked);
      this.#join(tracked);
    }
    return evicted;
  }

  /** Workloads with an active finding. */
  victims(): ReadonlySet<string> {
    const victims = new Set<string>();
    for (const { active, diagnosis } of this.#tracked.values()) if (active) victims.add(diagnosis.victim.key);
    return victims;
  }

  /** The active ones about a workload. */
  activeOf(victim: string): readonly Finding[] {
    return [...this.#tracked.values()]
      .filter((tracked) => tracked.active && tracked.diagnosis.victim.key === victim)
      .map((tracked) => this.#findingOf(tracked));
  }

  /** Cgroups that active findings name as the culprit, by victim. */
  culprits(): ReadonlyMap<string, ReadonlySet<string>> {
    const byVictim = new Map<string, Set<string>>();
    for (const { diagnosis, active } of this.#tracked.values()) {
      if (!active) continue;
      const cgroup = diagnosis.explanation.main?.culprit.cgroup;
      if (cgroup === undefined) continue;
      const { key } = diagnosis.victim;
      const of = byVictim.get(key);
      if (of) of.add(cgroup);
      else byVictim.set(key, new Set([cgroup]));
    }
    return byVictim;
  }

  /** Where there is no room, one without a finding and without this window's evidence is evicted, or the new one refused. */
  #track(
    key: string,
    diagnosis: Diagnosis,
    { seen, window }: { readonly seen: ReadonlyMap<string, unknown>; readonly window: Interval },
  ): void {
    if (this.#tracked.size >= this.#config.max_workloads) {
      const idle = [...this.#tracked.values()].find((of) => !of.active && !seen.has(of.key));
      this.#onEvicted();
      if (!idle) return;
      this.#tracked.delete(idle.key);
    }
    const { verdict, main } = diagnosis.explanation;
    const culprit = main?.culprit.name ?? '';
    const incident = culprit ? [verdict, culprit] : [verdict, diagnosis.victim.key];
    this.#tracked.set(key, {
      ...{ key, diagnosis, id: idOf([diagnosis.victim.key, verdict, culprit]), incident: idOf(incident) },
      rules: this.#config.severities.map(() => neverHeld),
      ...{ remains: neverHeld, active: undefined, seen: window.start },
    });
  }

  #advance(
    tracked: Tracked,
    diagnosis: Diagnosis | undefined,
    { start, end: at }: Interval,
  ): Change | 'ended' | undefined {
    const { severities: rules, sustained } = this.#config;
    const now = Number(at);
    const gap = Math.max(0, Number(start - tracked.seen));
    tracked.seen = at;
    for (let index = 0; index < rules.length; index++)
      tracked.rules[index] = hold(
        withoutGap(tracked.rules[index] ?? neverHeld, gap),
        this.#holds(rules[index], diagnosis),
        now,
        sustained,
      );
    tracked.remains = hold(tracked.remains, this.#remains(diagnosis), now, sustained);
    if (diagnosis) tracked.diagnosis = diagnosis;
    if (tracked.remains.windows === 0) return 'ended';
    const severity = this.#severityOf(tracked, now);
    const { active } = tracked;
    if (!active) return severity && this.#begin(tracked, severity, at);
    const escalates = severity !== undefined && isWorse(severity, active.severity);
    if (escalates) active.severity = severity;
    if (!this.#isLeading(tracked)) return this.#raiseLeader(tracked, active.severity, at);
    if (escalates) return this.#report(tracked, 'escalate', at);
    const isDue = now - Number(active.reported) >= this.#config.cool_down;
    return isDue ? this.#report(tracked, 'repeat', at) : undefined;
  }

  /** An incident is as severe as the worst of its findings. */
  #raiseLeader({ incident }: Tracked, severity: Severity, at: UnixNanoseconds): Change | undefined {
    const [leading] = this.#incidents.get(incident) ?? [];
    if (!leading?.active || !isWorse(severity, leading.active.severity)) return undefined;
    leading.active.severity = severity;
    return this.#report(leading, 'escalate', at);
  }

  #holds(rule: SeverityRule | undefined, diagnosis: Diagnosis | undefined): boolean {
    if (!rule || !diagnosis) return false;
    const { explanation, confidence } = diagnosis;
    const isConfident = explanation.verdict === 'undetermined' || confidence.value >= rule.confidence_min;
    return isConfident && explanation.score >= rule.score;
  }

  #remains(diagnosis: Diagnosis | undefined): boolean {
    return diagnosis !== undefined && diagnosis.explanation.score >= this.#leastScore;
  }

  /** By the rules, and of an active finding by its escalations. */
  #severityOf(tracked: Tracked, now: number): Severity | undefined {
    const { severities: rules } = this.#config;
    let worst: Severity | undefined;
    for (let index = 0; index < rules.length; index++) {
      const since = tracked.rules[index]?.since;
      const rule = rules[index];
      if (rule && since !== undefined && now - since >= rule.sustained_for)
        worst = worse(worst, rule.severity);
    }
    if (tracked.active)
      for (const { severity } of this.#escalationsOf(tracked, now)) worst = worse(worst, severity);
    return worst;
  }

  #escalationsOf(tracked: Tracked, now: number): NoisyNeighborConfig['escalations'] {
    const since = tracked.active?.since;
    if (since === undefined || this.#config.escalations.length === 0) return [];
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
    this.#join(tracked);
    tracked.active = { severity, since: at, reported: at };
    return this.#report(tracked, 'begin', at);
  }

  #join(tracked: Tracked): void {
    const others = this.#incidents.get(tracked.incident) ?? new Set<Tracked>();
    this.#incidents.set(tracked.incident, others.add(tracked));
  }

  /** Where an incident goes on without the finding that led it, the next one is reported as the one that leads. */
  #end(all: readonly Tracked[], at: UnixNanoseconds): readonly Change[] {
    const active = all.filter((tracked) => tracked.active);
    const changes: Change[] = active.map((tracked) => ({ state: 'end', finding: this.#findingOf(tracked) }));
    const leaderless = active.filter((tracked) => this.#isLeading(tracked)).map(({ incident }) => incident);
    for (const tracked of all) {
      this.#tracked.delete(tracked.key);
      const others = this.#incidents.get(tracked.incident);
      others?.delete(tracked);
      if (others?.size === 0) this.#incidents.delete(tracked.incident);
    }
    for (const incident of leaderless) {
      const [next] = this.#incidents.get(incident) ?? [];
      if (next) changes.push(this.#report(next, 'repeat', at));
    }
    return changes;
  }

  #report(tracked: Tracked, state: FindingState, at: UnixNanoseconds): Change {
    if (tracked.active) tracked.active.reported = at;
    return { state, finding: this.#findingOf(tracked) };
  }

  #isLeading({ id, incident }: Pick<Tracked, 'id' | 'incident'>): boolean {
    const [leading] = this.#incidents.get(incident) ?? [];
    return leading?.id === id;
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

const worse = (a: Severity | undefined, b: Severity | undefined) =>
  a === undefined || (b !== undefined && isWorse(b, a)) ? b : a;

const isWorse = (a: Severity, b: Severity) => severities.indexOf(a) > severities.indexOf(b);

const keyOf = ({ victim, explanation: { verdict, main } }: Diagnosis) =>
  `${victim.key}\0${verdict}\0${main?.culprit.name ?? ''}`;

const idOf = (parts: readonly string[]) =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
