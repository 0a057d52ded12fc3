import { pino } from 'pino';
import type { Host } from '../../src/component.ts';
import { createCounters } from '../../src/telemetry/counters.ts';
import { nanoseconds, type UnixNanoseconds } from '../../src/telemetry/units.ts';
import { noKernel } from './fake-kernel.ts';

/** A host for exporters: what is printed and logged can be read back; there is no kernel. */
export function fakeHost(id: string) {
  const printed: string[] = [];
  const logged: string[] = [];
  const host: Host = {
    id,
    log: pino({}, { write: (line: string) => void logged.push(line) }),
    counters: createCounters(),
    signals: new Set(['metrics', 'logs']),
    kernel: noKernel,
    now: () => 1_700_000_000_000_000_000n as UnixNanoseconds,
    elapsed: () => nanoseconds(0),
    share: (open) => open(),
    print: async (text) => void printed.push(text),
  };
  return { host, printed, logged };
}
