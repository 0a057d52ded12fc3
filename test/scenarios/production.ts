import { readdirSync, readFileSync } from 'node:fs';

/** Whose CPU time the kernel accounts. */
export interface Runs {
  readonly path: string;
  /** CPU time so far, ns. */
  ran(): number;
}

/** Time of the first CPU so far, in one unit, from /proc/stat. */
interface FirstCpu {
  readonly all: number;
  readonly steal: number;
}

/** Of the time of the first CPU: more was not left to the scenario. */
const mostSteal = 0.1;

const thisMachine = {
  firstCpu: (): FirstCpu => readFirstCpu(),
  /** ns */
  now: () => Number(process.hrtime.bigint()),
};

/** Whether a scenario's loads got the CPU time without which its label does not hold, as the kernel accounts it. */
export class Production {
  readonly #machine: typeof thisMachine;
  readonly #begin: FirstCpu;
  readonly #required: {
    readonly of: Runs;
    readonly least: number;
    readonly ran: number;
    readonly at: number;
  }[] = [];

  constructor(machine: typeof thisMachine = thisMachine) {
    this.#machine = machine;
    this.#begin = machine.firstCpu();
  }

  /** From now on at least this part of a CPU. */
  require(of: Runs, least: number): void {
    this.#required.push({ of, least, ran: of.ran(), at: this.#machine.now() });
  }

  /** What has not been produced by now. */
  lacks(): readonly string[] {
    const now = this.#machine.now();
    const lacks = this.#required.flatMap(({ of, least, ran, at }) => {
      const part = (of.ran() - ran) / (now - at);
      return part < least ? [`${of.path} got ${part.toFixed(2)} of a CPU, not ${least}`] : [];
    });
    const { all, steal } = this.#machine.firstCpu();
    const stolen = (steal - this.#begin.steal) / Math.max(1, all - this.#begin.all);
    if (stolen > mostSteal) lacks.push(`the hypervisor took ${(100 * stolen).toFixed(0)} % of the CPU`);
    return lacks;
  }
}

/** A unit of /proc/stat, ns. */
const tick = 1e7;

/** Softirq on the first CPU, that of ksoftirqd included. */
export const softirq: Runs = {
  path: 'softirq',
  ran: () => readFirstCpu().softirq * tick,
};

function readFirstCpu() {
  const line = /^cpu0 +(.+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? '';
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = line
    .split(' ')
    .map(Number);
  return { all: user + nice + system + idle + iowait + irq + softirq + steal, softirq, steal };
}

/** All threads whose name begins so. */
export const threads = (name: string): Runs => ({
  path: name,
  ran: () =>
    readdirSync('/proc')
      .filter((pid) => /^\d+$/.test(pid) && textIn(`/proc/${pid}/comm`).startsWith(name))
      .reduce((sum, pid) => sum + Number(textIn(`/proc/${pid}/schedstat`).split(' ')[0]), 0),
});

/** Empty: the process has ended. */
function textIn(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // it has ended
  }
}
