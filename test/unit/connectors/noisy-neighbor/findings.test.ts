import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingAttributes } from '../../../../src/telemetry/attributes/finding.ts';
import { brief, connector, only } from './connector.ts';
import { hurtBy } from './windows.ts';

const calm = { web: { run: 1, waits: { idle: 0.001 } } };
const hurt = { web: hurtBy('etl') };
/** One severity: nothing escalates. */
const warn = { severities: [{ severity: 'WARN', score: 20 }] };

test('a finding begins with the second window in which the neighbor hurts', async (t) => {
  const { windows } = await connector(t);
  assert.deepEqual(brief(windows(hurt)), []);
  assert.deepEqual(brief(windows(hurt)), ['begin WARN web noisy_neighbor etl']);
  assert.deepEqual(brief(windows(hurt)), [], 'once');
});

test('a single spike is no finding', async (t) => {
  const { windows } = await connector(t);
  assert.deepEqual([...windows(calm, 3), ...windows(hurt), ...windows(calm, 6)], []);
});

test('a finding ends after three windows without it, and one without it is no end', async (t) => {
  const { windows } = await connector(t);
  windows(hurt, 3);
  assert.deepEqual(brief([...windows(calm), ...windows(hurt), ...windows(calm, 2)]), []);
  assert.deepEqual(brief(windows(calm)), ['end WARN web noisy_neighbor etl']);
  assert.deepEqual(brief(windows(calm, 5)), []);
});

test('a score between the thresholds of end and begin keeps a finding, and begins none', async (t) => {
  const body = { severities: [{ severity: 'WARN', score: 40 }] };
  const half = { web: hurtBy('etl', { preemptions: { neighbor: 5 }, length: 0.001 }) };
  const { windows } = await connector(t, body);
  assert.deepEqual(brief(windows(half, 5)), [], 'the score is 30');
  windows({ web: hurtBy('etl', { length: 0.02 }) }, 2);
  assert.deepEqual(brief(windows(half, 20)), []);
  assert.deepEqual(brief(windows(calm, 3)), ['end WARN web noisy_neighbor etl']);
});

test('a victim that is gone ends its finding', async (t) => {
  const { windows } = await connector(t);
  windows(hurt, 3);
  assert.deepEqual(brief(windows({ other: { run: 1 } }, 3)), ['end WARN web noisy_neighbor etl']);
});

test('what is sustained longer and worse escalates, once', async (t) => {
  const { windows } = await connector(t);
  const bad = { web: hurtBy('etl', { length: 0.05 }) };
  assert.deepEqual(brief(windows(bad, 30)), [
    'begin WARN web noisy_neighbor etl',
    'escalate ERROR web noisy_neighbor etl',
  ]);
});

test('an active finding is repeated after the cool-down', async (t) => {
  const { windows } = await connector(t, { ...warn, cool_down: '1m' });
  const states = brief(windows(hurt, 2 + 24));
  assert.deepEqual(states, [
    'begin WARN web noisy_neighbor etl',
    'repeat WARN web noisy_neighbor etl',
    'repeat WARN web noisy_neighbor etl',
  ]);
});

test('the victims of one culprit are one incident: the first leads, the others are INFO', async (t) => {
  const { windows } = await connector(t, { ...warn, cool_down: '1m' });
  const both = { web: hurtBy('etl'), api: hurtBy('etl') };
  windows(hurt, 2);
  const joined = windows(both, 2);
  assert.deepEqual(brief(joined), ['begin INFO api noisy_neighbor etl']);
  const [incident] = joined.map(({ attributes }) => attributes[findingAttributes.incidentVictims.key]);
  assert.equal(incident, 2);
  assert.deepEqual(brief(windows(both, 10)), ['repeat WARN web noisy_neighbor etl']);
  assert.deepEqual(brief(windows({ api: hurtBy('etl') }, 3)), [
    'end WARN web noisy_neighbor etl',
    'repeat WARN api noisy_neighbor etl',
  ]);
});

test('victims that a culprit no longer hurts end together, and none is repeated', async (t) => {
  const { windows } = await connector(t, warn);
  windows({ web: hurtBy('etl'), api: hurtBy('etl') }, 2);
  assert.deepEqual(brief(windows({ ...calm, api: { run: 1 } }, 3)), [
    'end WARN web noisy_neighbor etl',
    'end INFO api noisy_neighbor etl',
  ]);
});

test('an incident becomes as severe as the worst of its findings', async (t) => {
  const rules = [
    { severity: 'WARN', score: 20 },
    { severity: 'ERROR', score: 80 },
  ];
  const { windows } = await connector(t, { severities: rules });
  windows(hurt, 2);
  const worse = {
    ...hurt,
    api: hurtBy('etl', {
      waits: { neighbor: 9 },
      length: 0.05,
      blame: [{ cause: 'neighbor', culprit: 'etl', time: 9, excess: 9 }],
    }),
  };
  assert.deepEqual(brief(windows(worse, 3)), [
    'begin INFO api noisy_neighbor etl',
    'escalate ERROR web noisy_neighbor etl',
  ]);
});

test('escalation rules raise the severity and add attributes', async (t) => {
  const rule = {
    victims: 2,
    verdicts: ['noisy_neighbor'],
    severity: 'FATAL',
    attributes: { team: 'platform' },
  };
  const { windows } = await connector(t, { escalations: [rule] });
  windows(hurt, 2);
  const records = windows({ web: hurtBy('etl'), api: hurtBy('etl') }, 4);
  assert.deepEqual(brief(records), [
    'begin INFO api noisy_neighbor etl',
    'escalate FATAL web noisy_neighbor etl',
  ]);
  assert.equal(records[1]?.attributes.team, 'platform');
});

test('the id is that of victim, verdict and culprit: the same after an end', async (t) => {
  const { windows } = await connector(t);
  const idOf = (workloads: typeof hurt) => {
    const record = only(windows(workloads, 2));
    windows(calm, 3);
    return record.attributes[findingAttributes.id.key];
  };
  const first = idOf(hurt);
  assert.match(String(first), /^[0-9a-f]{16}$/);
  assert.equal(idOf(hurt), first);
  assert.notEqual(idOf({ web: hurtBy('batch') }), first);
});

test('of two culprits about as guilty, the one of the finding stays the main one', async (t) => {
  const { windows } = await connector(t, warn);
  const by = (etl: number) => ({
    web: hurtBy('etl', {
      blame: [
        { cause: 'neighbor', culprit: 'etl', time: etl, excess: etl },
        { cause: 'neighbor', culprit: 'ci', time: 1 - etl, excess: 1 - etl },
      ],
    }),
  });
  const records = Array.from({ length: 10 }, (_, n) => windows(by(n % 2 ? 0.4 : 0.6))).flat();
  assert.deepEqual(brief(records), ['begin WARN web noisy_neighbor etl']);
});

test('beyond max_workloads candidates are evicted, and counted', async (t) => {
  const { windows, host } = await connector(t, { max_workloads: 2 });
  const records = windows({ a: hurtBy('x'), b: hurtBy('x'), c: hurtBy('x') }, 2);
  const evicted = host.counters
    .read()
    .filter(({ metric }) => metric.name === 'earshot.agent.findings.evicted');
  const by = (reason: string) => evicted.find(({ attributes }) => attributes.reason === reason)?.value ?? 0;
  assert.ok(by('candidate') >= 1);
  assert.equal(by('history'), 2);
  assert.deepEqual(brief(records).sort(), ['begin INFO b noisy_neighbor x', 'begin WARN a noisy_neighbor x']);
});
