import { allocateTrace, flags, kinds, type Trace } from '../lab/trace.ts';

type Column = Exclude<keyof Trace, 'length' | 'parties'>;

/**
 * The kernel does not call the hooks for every switch: a task leaves a CPU that, as far as was seen, another one had. The
 * stamp of when it got the CPU is the time of the switch. It is inserted, so that the replay has it and no cgroup is blamed for
 * the time of another.
 */
export function withUnseen(trace: Trace): Trace {
  const gaps = findGaps(trace);
  if (gaps.length === 0) return trace;
  const whole = allocateTrace(trace.length + gaps.length, trace.parties);
  const columns = Object.keys(trace).filter((key): key is Column => key !== 'length' && key !== 'parties');
  let copied = 0;
  for (const [k, { at, before }] of [...gaps, { at: trace.length, before: -1 }].entries()) {
    for (const column of columns) whole[column].set(trace[column].subarray(copied, at), copied + k);
    copied = at;
    if (at < trace.length) putIn(whole, at + k, trace, { at, before });
  }
  return whole;
}

interface Gap {
  /** The first switch after it. */
  readonly at: number;
  /** The last one before it. */
  readonly before: number;
}

function findGaps(trace: Trace): readonly Gap[] {
  const gaps: Gap[] = [];
  const last = new Map<number, number>();
  for (let i = 0; i < trace.length; i++) {
    if (trace.kind[i] !== kinds.switch) continue;
    const cpu = trace.cpu[i] ?? 0;
    const before = last.get(cpu);
    last.set(cpu, i);
    if (before === undefined || trace.pid[before] === trace.prevPid[i]) continue;
    const arrived = trace.prevArrived[i] ?? Number.NaN;
    if (arrived >= (trace.clock[before] ?? 0) && arrived <= (trace.clock[i] ?? 0))
      gaps.push({ at: i, before });
  }
  return gaps;
}

function putIn(into: Trace, i: number, trace: Trace, { at, before }: Gap): void {
  const clock = trace.prevArrived[at] ?? 0;
  const start = trace.clock[before] ?? 0;
  const share = (clock - start) / ((trace.clock[at] ?? 0) - start || 1);
  const stolen = trace.stolen[before] ?? 0;
  into.kind[i] = kinds.switch;
  into.flags[i] = flags.unseen;
  into.cpu[i] = trace.cpu[at] ?? 0;
  into.prevPid[i] = trace.pid[before] ?? 0;
  into.prevSerial[i] = trace.serial[before] ?? 0;
  into.pid[i] = trace.prevPid[at] ?? 0;
  into.serial[i] = trace.prevSerial[at] ?? 0;
  into.clock[i] = clock;
  into.queued[i] = Number.NaN;
  into.prevArrived[i] = Number.NaN;
  into.stolen[i] = stolen + share * ((trace.stolen[at] ?? 0) - stolen);
}
