import { pino } from 'pino';
import type { Host } from '../../src/component.ts';
import { createCounters } from '../../src/telemetry/counters.ts';
import type { UnixNanoseconds } from '../../src/telemetry/units.ts';

/** A host for exporters: what is printed and logged can be read back; there is no kernel. */
export function fakeHost(id: string) {
  const printed: string[] = [];
  const logged: string[] = [];
  const host: Host = {
    id,
    log: pino({}, { write: (line: string) => void logged.push(line) }),
    counters: createCounters(),
    signals: new Set(['metrics', 'logs']),
    kernel: {
      cgroups: { path: () => undefined, learn: () => {} },
      openScheduler: () => Promise.reject(new Error('no kernel here')),
    },
    now: () => 1_700_000_000_000_000_000n as UnixNanoseconds,
    print: async (text) => void printed.push(text),
  };
  return { host, printed, logged };
}
