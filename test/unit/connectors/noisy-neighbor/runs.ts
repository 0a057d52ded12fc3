import type { TestContext } from 'node:test';
import { MemoryStore } from '../../memory-store.ts';
import { connector } from './connector.ts';
import { hurtBy, windowSeconds } from './windows.ts';

export const calm = { web: { run: 1, waits: { idle: 0.001 } } };
export const hurt = { web: hurtBy('etl') };
export const body = {
  storage: 'file_storage',
  severities: [{ severity: 'WARN', score: 20 }],
  cool_down: '1m',
};
export const hour = 3600 / windowSeconds;

/** One run of the agent after another, with the same store. */
export function runs(t: TestContext, settings: object = body) {
  const store = new MemoryStore();
  store.close = async () => {};
  let passed = 0;
  return {
    store,
    /** From the window behind the last one of the former run, or later. */
    async start(gap = 0, changed: object = {}) {
      const first = passed + gap;
      const run = await connector(t, { ...settings, ...changed }, { store, first });
      return {
        ...run,
        windows(...args: Parameters<typeof run.windows>) {
          const records = run.windows(...args);
          passed = run.passed;
          return records;
        },
      };
    },
  };
}
