import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WindowLosses } from '../../../../src/connectors/noisy-neighbor/confidence.ts';
import { diagnose } from '../../../../src/connectors/noisy-neighbor/diagnose.ts';
import { Losses } from '../../../../src/connectors/noisy-neighbor/losses.ts';
import { windowOf } from '../../../../src/connectors/noisy-neighbor/window.ts';
import { findingAttributes } from '../../../../src/telemetry/attributes/finding.ts';
import { createCounters } from '../../../../src/telemetry/counters.ts';
import { counter } from '../../../../src/telemetry/emits.ts';
import { brief, connector, only, settings } from './connector.ts';
import { type Doing, hurtBy, windowBatch } from './windows.ts';

const nothingLost: WindowLosses = { loss: 0, sampling: 0, clock: 0 };

function confidence(doing: Doing, losses = nothingLost) {
  const window = windowOf(windowBatch(0, { web: doing })) ?? assert.fail('no window');
  const victim = only(window.workloads);
  const [main] = diagnose(victim, window, { config: settings(), losses, named: new Set() });
  const { confidence: of, explanation } = main ?? assert.fail('no diagnosis');
  return { value: of.value, loweredBy: of.loweredBy.map(([doubt]) => doubt), verdict: explanation.verdict };
}

test('many waits without loss behind one named neighbor are nearly certain', () => {
  const { value, loweredBy } = confidence(hurtBy('etl', { count: 10_000 }));
  assert.ok(value > 0.99 && value < 1, String(value));
  assert.deepEqual(loweredBy, []);
});

test('few waits lower the confidence', () => {
  const { value, loweredBy } = confidence(
    hurtBy('etl', {
      waits: { neighbor: 0.06 },
      run: 0.1,
      count: 4,
      blame: [{ cause: 'neighbor', culprit: 'etl', time: 0.06, excess: 0.06 }],
    }),
  );
  assert.ok(Math.abs(value - 10 / 15) < 1e-9, String(value));
  assert.deepEqual(loweredBy, ['samples']);
});

for (const doubt of ['loss', 'sampling', 'clock'] as const)
  test(`a tenth of ${doubt} takes a tenth of the confidence`, () => {
    const doing = hurtBy('etl', { count: 10_000 });
    const { value, loweredBy } = confidence(doing, { ...nothingLost, [doubt]: 0.1 });
    assert.ok(Math.abs(value - 0.9 * confidence(doing).value) < 1e-9, String(value));
    assert.deepEqual(loweredBy, [doubt]);
  });

test('what is unknown of the wait lowers the confidence in the rest', () => {
  const { value, loweredBy } = confidence(
    hurtBy('etl', { count: 10_000, waits: { neighbor: 1, unknown: 0.25 } }),
  );
  assert.ok(Math.abs(value - 0.8) < 0.01, String(value));
  assert.deepEqual(loweredBy, ['unknown']);
});

test('culprits without a name lower the confidence, and so do several of equal guilt', () => {
  const shares = (...of: readonly (readonly [culprit: string | undefined, time: number])[]) =>
    confidence(
      hurtBy('', {
        count: 10_000,
        blame: of.map(([culprit, time]) => ({ cause: 'neighbor', culprit, time, excess: time })),
      }),
    );
  const unnamed = shares(['a', 0.8], [undefined, 0.2]);
  assert.deepEqual(unnamed.loweredBy, ['names']);
  assert.ok(Math.abs(unnamed.value - 0.8) < 0.01, String(unnamed.value));
  const several = shares(['a', 0.25], ['b', 0.25], ['c', 0.25], ['d', 0.25]);
  assert.deepEqual([several.loweredBy, several.verdict], [['culprit'], 'undetermined']);
  assert.ok(Math.abs(several.value - 0.5) < 0.01, String(several.value));
});

test('losses beyond what a rule accepts make the verdict undetermined, with the reason', async (t) => {
  const { windows } = await connector(t);
  const doing = hurtBy('etl', { waits: { neighbor: 1, unknown: 0.6 } });
  const record = only(windows({ web: doing }, 2));
  assert.deepEqual(brief([record]), ['begin WARN web undetermined -']);
  assert.match(String(record.attributes[findingAttributes.loweredBy.key]), /^unknown 0\.6/);
});

test('losses count from one window to the next, by what they mean, and not those of exporters', () => {
  const counters = createCounters();
  const loss = (name: string) => counter({ name, unit: '1', meaning: '', isLoss: true });
  const lose = (reason: string, by: number, name = 'earshot.agent.kernel.dropped') =>
    counters.add(loss(name), by, { reason });
  lose('task_missed', 1000); // before the first window
  const losses = new Losses(counters);
  assert.deepEqual(losses.take(90), nothingLost);
  lose('task_missed', 10);
  lose('ring_full', 300);
  lose('pair_full', 30);
  lose('clock_backwards', 90);
  lose('queue_full', 500, 'earshot.agent.items.dropped');
  assert.deepEqual(losses.take(90), { loss: 0.1, sampling: 0.25, clock: 0.5 });
  assert.deepEqual(losses.take(90), nothingLost);
});
