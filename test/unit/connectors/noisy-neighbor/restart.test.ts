import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingAttributes } from '../../../../src/telemetry/attributes/finding.ts';
import { total } from '../../runtime/fake-world.ts';
import { brief, connector, only } from './connector.ts';
import { body, calm, hour, hurt, runs } from './runs.ts';
import { hurtBy } from './windows.ts';

test('an active finding goes on after a restart: no second begin, the same id, its end', async (t) => {
  const { start } = runs(t, { ...body, cool_down: '5m' });
  const before = await start();
  const begin = only(before.windows(hurt, 4));
  await before.close();
  const { windows } = await start(3);
  assert.deepEqual(brief(windows(hurt, 5)), []);
  const end = only(windows(calm, 3));
  assert.deepEqual(brief([end]), ['end WARN web noisy_neighbor etl']);
  for (const key of [findingAttributes.id.key, findingAttributes.since.key])
    assert.equal(end.attributes[key], begin.attributes[key]);
  assert.deepEqual(brief(windows(hurt, 2)), ['begin WARN web noisy_neighbor etl']);
});

test('the end of a restored finding reads as it would without a restart', async (t) => {
  const { start } = runs(t);
  const before = await start();
  const whole = await connector(t, body);
  for (const { windows } of [before, whole]) windows(hurt, 4);
  await before.close();
  const after = await start();
  const [restored, expected] = [after, whole].map(({ windows }) => only(windows({ other: { run: 1 } }, 3)));
  assert.deepEqual(restored?.attributes, expected?.attributes);
  assert.equal(restored?.body, expected?.body);
  assert.deepEqual(restored?.resource.attributes, expected?.resource.attributes);
});

test('the reason of an undetermined finding is the same after a restart', async (t) => {
  const { start } = runs(t);
  const before = await start();
  const blame = [{ cause: 'neighbor', culprit: 'etl', time: 1, excess: 0.5 }] as const;
  before.windows({ web: { run: 1, waits: { neighbor: 1, unknown: 0.6 }, blame } }, 4);
  await before.close();
  const ends = (await start()).windows({ other: { run: 1 } }, 3).map(({ body }) => String(body));
  assert.equal(ends.filter((body) => body.includes('for reasons that are not known')).length, 1, ends.join());
});

test('a finding that begins before the agent is killed has begun, and one that ended is over', async (t) => {
  const { start } = runs(t);
  const first = await start();
  first.windows(hurt, 2);
  await first.save(); // and then it is gone
  const second = await start();
  assert.deepEqual(brief(second.windows(hurt, 3)), []);
  second.windows(calm, 3);
  await second.save();
  const third = await start();
  assert.deepEqual(brief(third.windows(hurt, 2)), ['begin WARN web noisy_neighbor etl']);
});

test('the cool-down goes on: a finding is repeated a minute after it was reported last', async (t) => {
  const { start } = runs(t);
  const before = await start();
  before.windows(hurt, 8);
  await before.close();
  const { windows } = await start();
  assert.deepEqual(brief(windows(hurt, 5)), []);
  assert.deepEqual(brief(windows(hurt, 1)), ['repeat WARN web noisy_neighbor etl']);
});

test('an incident is led by the same finding after a restart', async (t) => {
  const { start } = runs(t);
  const both = { api: hurtBy('etl'), web: hurtBy('etl') };
  const before = await start();
  before.windows(hurt, 2);
  before.windows(both, 3);
  await before.close();
  const { windows, host } = await start();
  windows(both);
  assert.equal(total(host.counters, 'earshot.agent.findings.active', { connector: host.id }), 2);
  assert.deepEqual(brief(windows({ api: hurtBy('etl') }, 3)), [
    'end WARN web noisy_neighbor etl',
    'repeat WARN api noisy_neighbor etl',
  ]);
});

test('an escalation that was reached is not reported again, one that is due comes in time', async (t) => {
  const { start } = runs(t, { storage: 'file_storage' });
  const bad = { web: hurtBy('etl', { length: 0.05 }) };
  const first = await start();
  assert.deepEqual(brief(first.windows(bad, 4)), ['begin WARN web noisy_neighbor etl']);
  await first.close();
  const second = await start();
  assert.deepEqual(brief(second.windows(bad, 4)), ['escalate ERROR web noisy_neighbor etl']);
  await second.close();
  assert.deepEqual(brief((await start()).windows(bad, 4)), []);
});

const bad = { web: hurtBy('etl', { length: 0.05 }) };

test('the time between two runs does not count for how long a rule has held', async (t) => {
  const settings = { storage: 'file_storage', cool_down: '24h' };
  for (const gap of [0, 1, hour]) {
    const { start } = runs(t, settings);
    const first = await start();
    const before = first.windows(bad, 5);
    await first.close();
    const { windows } = await start(gap);
    assert.deepEqual(brief(before), ['begin WARN web noisy_neighbor etl']);
    assert.deepEqual(brief(windows(bad, 2)), [], String(gap));
    assert.deepEqual(brief(windows(bad, 1)), ['escalate ERROR web noisy_neighbor etl'], String(gap));
  }
  const { start } = runs(t, settings);
  const killed = await start();
  killed.windows(bad, 3);
  await killed.save();
  killed.windows(bad, 2);
  const { windows } = await start(hour);
  assert.deepEqual(brief(windows(bad, 4)), [], 'the windows that were not saved do not count');
  assert.deepEqual(brief(windows(bad, 2)), ['escalate ERROR web noisy_neighbor etl']);
});

test('what a rule has held is not taken for another rule, wherever it stands', async (t) => {
  const [warn, error] = [
    { severity: 'WARN', score: 20 },
    { severity: 'ERROR', score: 50, sustained_for: '30s' },
  ];
  const other = { severity: 'FATAL', score: 50, sustained_for: '20s' };
  const run = async (severities: readonly object[]) => {
    const { start } = runs(t, { storage: 'file_storage' });
    const first = await start();
    first.windows(bad, 5);
    await first.close();
    const { windows } = await start(0, { severities });
    return Array.from({ length: 8 }, () => brief(windows(bad))[0] ?? '');
  };
  const at = (window: number, severity: string) =>
    Array.from({ length: 8 }, (_, n) => (n === window ? `escalate ${severity} web noisy_neighbor etl` : ''));
  assert.deepEqual(await run([warn, error]), at(2, 'ERROR'));
  assert.deepEqual(await run([error, warn]), at(2, 'ERROR'), 'moved');
  assert.deepEqual(await run([warn, other]), at(5, 'FATAL'), 'in the place of one that is gone');
});

test('the usual p99 and that of the hour of the week survive a restart', async (t) => {
  const { start } = runs(t);
  const usual = (length: number) => ({ web: { run: 1, waits: { idle: 0.001 }, length } });
  const first = await start();
  first.windows(usual(0.02), hour + 1);
  await first.close();
  const second = await start();
  const begin = only(second.windows(hurt, 2));
  const baseline = Number(begin.attributes[findingAttributes.baseline.key]);
  assert.ok(Math.abs(baseline - 0.02) < 0.1 * 0.02, String(baseline));
  await second.close();
  const third = await start(7 * 24 * hour - hour);
  const later = third.windows({ web: hurtBy('batch') }, 2).at(-1);
  assert.equal(later?.attributes[findingAttributes.baseline.key], Math.fround(baseline), 'a week later');
});

test('fewer findings are restored than were active where less room is left, and histories of those seen last', async (t) => {
  const { start, store } = runs(t);
  const before = await start();
  before.windows({ a: hurtBy('x'), b: hurtBy('x'), c: hurtBy('x') }, 3);
  await before.close();
  assert.equal([...store.bytes.keys()].filter((key) => key.startsWith('history/')).length, 3);
  const { windows, close, host } = await start(0, { max_workloads: 2 });
  const evicted = { connector: host.id, reason: 'candidate' };
  assert.equal(total(host.counters, 'earshot.agent.findings.evicted', evicted), 1);
  windows({ a: hurtBy('x'), b: hurtBy('x') });
  assert.equal(total(host.counters, 'earshot.agent.findings.active', { connector: host.id }), 2);
  await close();
  assert.equal([...store.bytes.keys()].filter((key) => key.startsWith('finding/')).length, 2);
  const histories = [...store.bytes.keys()].filter((key) => key.startsWith('history/'));
  assert.deepEqual(histories.sort(), ['history/a', 'history/b']);
});
