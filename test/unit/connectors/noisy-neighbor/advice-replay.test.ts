import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { findingAttributes } from '../../../../src/telemetry/attributes/finding.ts';
import { usualOr } from '../../../lab/thorough.ts';
import { connector } from './connector.ts';
import { type Done, type Load, miniature } from './miniature.ts';
import { quota } from './quota-batch.ts';

/** Advice on windows of a machine in miniature, taken, and the same work replayed. */

const runs = { numRuns: usualOr(30, 1000) };
const thread = fc
  .tuple(fc.integer({ min: 5, max: 60 }), fc.double({ min: 0.1, max: 0.9, noNaN: true }))
  .map(([every, part]) => ({ every, work: Math.ceil(part * every) }));
const threads = (maxLength: number) => fc.array(thread, { minLength: 1, maxLength });

const waitOf = (done: Done | undefined, ...causes: readonly string[]) =>
  Object.entries(done?.waits ?? {}).reduce(
    (sum, [cause, time]) => sum + (causes.length === 0 || causes.includes(cause) ? (time ?? 0) : 0),
    0,
  );

/** Of the findings about one workload of two equal windows, by verdict. */
async function adviceOn(t: TestContext, done: Done, limit?: number): Promise<ReadonlyMap<string, string>> {
  const { windows, give } = await connector(t);
  if (limit !== undefined) give(quota('web', limit, done.throttledPeriods));
  return new Map(
    windows({ web: done }, 2).map(({ attributes }) => [
      String(attributes[findingAttributes.verdict.key]),
      String(attributes[findingAttributes.advice.key]),
    ]),
  );
}

test('the limit that is advised removes at least what is promised of the throttled time', async (t) => {
  let advised = 0;
  await fc.assert(
    fc.asyncProperty(threads(4), fc.double({ min: 0.3, max: 1.2, noNaN: true }), async (of, part) => {
      const demand = of.reduce((sum, { every, work }) => sum + work / every, 0);
      const limit = Math.max(0.1, Math.round(10 * part * demand) / 10);
      const replay = (to: number) => miniature({ web: { threads: of, limit: to } }, of.length).web;
      const before = replay(limit);
      const advice = before && (await adviceOn(t, before, limit)).get('quota_throttled');
      if (!advice) return;
      const [, to, promised] = /to ([\d.]+) CPUs? would have removed about (\d+) %/.exec(advice) ?? [];
      const removed = 1 - waitOf(replay(Number(to)), 'throttled') / waitOf(before, 'throttled');
      assert.ok(removed >= Number(promised) / 100 - 0.01, `${removed} was removed: ${advice}`);
      advised++;
    }),
    runs,
  );
  assert.ok(advised > runs.numRuns / 4, `only ${advised} had advice`);
});

test('of a single thread with one culprit the part of the wait is gone, without it, in which it had the CPU', async (t) => {
  let advised = 0;
  await fc.assert(
    fc.asyncProperty(thread, threads(3), async (own, others) => {
      const web: Load = { threads: [own] };
      const before = miniature({ web, etl: { threads: others } }, 1).web;
      const advice = before && (await adviceOn(t, before)).get('noisy_neighbor');
      if (!advice) return;
      const [, part] = /^etl had the CPU for (\d+) % of the wait/.exec(advice) ?? [];
      const removed = 1 - waitOf(miniature({ web }, 1).web) / waitOf(before);
      assert.ok(Math.abs(removed - Number(part) / 100) < 0.01, `${removed} was removed: ${advice}`);
      advised++;
    }),
    runs,
  );
  assert.ok(advised > runs.numRuns / 4, `only ${advised} had advice`);
});
