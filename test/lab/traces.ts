import { allocateTrace, flags, idle, kinds, Parties, type Trace } from './trace.ts';

/** A trace written by hand: happenings in order, everything that does not matter 0. */
export interface Written {
  readonly kind: keyof typeof kinds;
  readonly at: number;
  readonly cpu?: number;
  readonly pid?: number;
  readonly serial?: bigint;
  readonly prevPid?: number;
  readonly prevSerial?: bigint;
  readonly queued?: number;
  readonly prevArrived?: number;
  readonly runDelay?: number;
  readonly stolen?: number;
  readonly throttled?: number;
  readonly prevThrottled?: number;
  readonly flags?: readonly (keyof typeof flags)[];
}

export function writeTrace(happenings: readonly Written[]): Trace {
  const parties = new Parties();
  const indexOf = (id: bigint) => parties.index(Number(id >> 32n), Number(id & 0xffff_ffffn));
  const trace = allocateTrace(happenings.length, parties.ids);
  for (const [i, of] of happenings.entries()) {
    trace.kind[i] = kinds[of.kind];
    trace.clock[i] = of.at;
    trace.cpu[i] = of.cpu ?? 0;
    trace.pid[i] = of.pid ?? 0;
    trace.serial[i] = indexOf(of.serial ?? idle);
    trace.prevPid[i] = of.prevPid ?? 0;
    trace.prevSerial[i] = indexOf(of.prevSerial ?? idle);
    trace.queued[i] = of.queued ?? Number.NaN;
    trace.prevArrived[i] = of.prevArrived ?? Number.NaN;
    trace.runDelay[i] = of.runDelay ?? 0;
    trace.stolen[i] = of.stolen ?? 0;
    trace.throttled[i] = of.throttled ?? 0;
    trace.prevThrottled[i] = of.prevThrottled ?? 0;
    trace.flags[i] = (of.flags ?? []).reduce((sum, flag) => sum | flags[flag], 0);
  }
  return trace;
}
