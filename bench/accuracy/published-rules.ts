import { type Observer, replay, slicesOf } from '../../test/lab/replay.ts';
import { kernelIndex, type Trace } from '../../test/lab/trace.ts';

/** The blame of a rule for the waits of each victim, in units of its own; `seen`: the waits the rule sees, ns. */
export interface Verdict {
  readonly blame: Map<bigint, number>;
  seen: number;
}

export interface Rule {
  readonly name: string;
  /** Publisher or vendor. */
  readonly usedBy: string;
  /** It claims to explain all of a wait; otherwise only the part in which other cgroups ran. */
  readonly explainsAll: boolean;
  readonly verdicts: ReadonlyMap<bigint, Verdict>;
}

/** Rules by which published tools name a culprit, over the events our totals came from; written from their descriptions. */
export function publishedRules(trace: Trace): readonly Rule[] {
  const lastAfterWakeup = new Verdicts(trace);
  const last = new Verdicts(trace);
  const preemptor = new Verdicts(trace);
  const endOfSlice = new Verdicts(trace);
  const slices = slicesOf(trace);
  const charged = new Map<number, Uint8Array>();
  const observer: Observer = {
    wait(wait) {
      last.add(wait.serial, wait.last, wait.wait, wait.wait);
      if (wait.isWoken) lastAfterWakeup.add(wait.serial, wait.last, wait.wait, wait.wait);
    },
    preemption: (serial, by) => preemptor.add(serial, by, 1, 0),
    part({ serial, cpu, first, last: end }) {
      const switches = slices[cpu] ?? [];
      const key = serial * slices.length + cpu;
      const known = charged.get(key) ?? new Uint8Array(switches.length);
      charged.set(key, known);
      for (let k = Math.max(first, 1); k <= end; k++) {
        if (known[k]) continue; // one bit for a cgroup and CPU, however many of its tasks wait
        known[k] = 1;
        const ending = switches[k] ?? 0;
        const span = (trace.clock[ending] ?? 0) - (trace.clock[switches[k - 1] ?? 0] ?? 0);
        const culprit = trace.prevSerial[ending] ?? 0;
        if (culprit === serial || culprit >= kernelIndex) endOfSlice.add(serial, culprit, span, 0);
      }
    },
  };
  replay(trace, observer);
  return [
    {
      name: 'last to run',
      usedBy: 'Netflix',
      explainsAll: true,
      verdicts: lastAfterWakeup.byVictim,
    },
    {
      name: 'last to run, preempted waits too',
      usedBy: 'runqslower, kguardian',
      explainsAll: true,
      verdicts: last.byVictim,
    },
    {
      name: 'preemptor count',
      usedBy: 'Datadog',
      explainsAll: false,
      verdicts: preemptor.byVictim,
    },
    {
      name: 'end-of-slice overlap',
      usedBy: 'SchedBlame',
      explainsAll: false,
      verdicts: endOfSlice.byVictim,
    },
  ];
}

class Verdicts {
  readonly byVictim = new Map<bigint, Verdict>();
  readonly #trace: Trace;

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  add(victim: number, culprit: number, blame: number, seen: number): void {
    const id = this.#trace.parties[victim] ?? 0n;
    const by = this.#trace.parties[culprit] ?? 0n;
    let verdict = this.byVictim.get(id);
    if (!verdict) {
      verdict = { blame: new Map(), seen: 0 };
      this.byVictim.set(id, verdict);
    }
    verdict.blame.set(by, (verdict.blame.get(by) ?? 0) + blame);
    verdict.seen += seen;
  }
}
