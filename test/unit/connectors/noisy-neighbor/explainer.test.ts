import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { findingCounters } from '../../../../src/connectors/noisy-neighbor/emits.ts';
import type { Answer } from '../../../../src/explanations/answer.ts';
import { explanations } from '../../../../src/explanations/explanations.ts';
import { schedulerCounters } from '../../../../src/receivers/scheduler/emits.ts';
import { culpritAttributes } from '../../../../src/telemetry/attributes/culprit.ts';
import { seconds } from '../../../../src/telemetry/units.ts';
import { connector } from './connector.ts';
import { quota } from './quota-batch.ts';
import { hurtBy, windowSeconds } from './windows.ts';

const calm = { web: { run: 1, waits: { idle: 0.001 }, length: 0.0001 } };
const hurt = { web: hurtBy('etl') };

/** The connector, with questions to come. */
async function asked(t: TestContext, body: object = {}) {
  const of = await connector(t, body);
  const service = await of.host.use(explanations);
  const stop = service.listen();
  return {
    ...{ windows: of.windows, give: of.give, service, stop },
    explain(name: string, since = 60): Answer {
      const reply = service.ask(name, seconds(since));
      assert.ok(reply.kind === 'answer', JSON.stringify(reply));
      return reply.answer;
    },
    lose: (waits: number) =>
      of.host.counters.add(schedulerCounters.kernelDropped, waits, { reason: 'wait_map_full' }),
    counted: (metric: keyof typeof findingCounters) =>
      of.host.counters
        .read()
        .filter(({ metric: { name } }) => name === findingCounters[metric].name)
        .reduce((sum, { value }) => sum + value, 0),
  };
}

test('an answer is about all windows of the time asked for, as if they were one', async (t) => {
  const { windows, explain } = await asked(t);
  windows(hurt, 4);
  const answer = explain('web');
  assert.match(
    answer.sentence,
    /^web waited 50 % of its runnable time in the last 20 s; 100 % of that behind etl \(another container\), beyond its share; no CPU limit played a part\. Highest p99 wait 5\.\d ms\. Confidence 1\.00\.$/,
  );
  assert.deepEqual(answer.workload, { name: 'web' });
  assert.equal(answer.period.windows, 4);
  assert.equal(answer.period.seconds, 4 * windowSeconds);
  assert.equal(answer.wait.seconds, 4);
  assert.equal(answer.wait.share, 0.5);
  assert.deepEqual(answer.causes, [{ cause: 'neighbor', seconds: 4, share: 1 }]);
  assert.deepEqual(
    answer.culprits.map(({ name, cause, seconds: of, share, excess }) => [name, cause, of, share, excess]),
    [['etl', 'neighbor', 4, 1, 1]],
  );
  assert.equal(answer.verdicts[0]?.verdict, 'noisy_neighbor');
  assert.match(answer.advice ?? '', /^Anti-affinity with etl .* 100 % of the wait/);
  assert.equal(answer.affected.windows, 4);
  assert.deepEqual(
    answer.findings.map(({ severity, verdict, victims }) => [severity, verdict, victims]),
    [['WARN', 'noisy_neighbor', 1]],
  );
});

test('causes of several windows sum to the wait', async (t) => {
  const { windows, explain } = await asked(t);
  windows({ web: { run: 1, waits: { self: 0.25, idle: 0.125 } } });
  windows({ web: { run: 1, waits: { throttled: 0.5, idle: 0.125 } } });
  const { causes, wait } = explain('web');
  assert.deepEqual(
    causes.map(({ cause, seconds: of }) => [cause, of]),
    [
      ['throttled', 0.5],
      ['self', 0.25],
      ['idle', 0.25],
    ],
  );
  assert.equal(wait.seconds, 1);
});

test('a workload without a verdict has no advice, and its sentence says so', async (t) => {
  const { windows, explain } = await asked(t);
  windows(calm, 3);
  const { sentence, advice, affected, findings } = explain('web');
  assert.equal(sentence, 'web waited <1 % of its runnable time in the last 15 s: nothing to report.');
  assert.deepEqual([advice, affected, findings], [undefined, { windows: 0 }, []]);
});

test('a workload that did not wait has no cause, no confidence, and no number that JSON cannot hold', async (t) => {
  const { windows, explain } = await asked(t);
  windows({ web: { run: 1, count: 0 } });
  const answer = explain('web');
  assert.equal(answer.sentence, 'web did not wait for CPU in the last 5.0 s.');
  assert.deepEqual(answer.causes, []);
  assert.deepEqual(JSON.parse(JSON.stringify(answer)), answer);
});

test('windows before the time asked for have no part in the answer; the worst of it is named', async (t) => {
  const { windows, explain } = await asked(t);
  windows(hurt, 2);
  windows({ web: hurtBy('etl', { run: 0.1 }) });
  windows(calm, 4);
  assert.equal(explain('web', 20).affected.windows, 0);
  const { affected, period } = explain('web', 300);
  assert.equal(affected.windows, 3);
  assert.deepEqual(affected.worst, {
    at: new Date(1_700_000_015_000).toISOString(),
    ...{ seconds: 5, share: 1 / 1.1, verdict: 'noisy_neighbor', culprit: 'etl' },
  });
  assert.equal(period.windows, 7);
});

test('time shorter than a window is answered over the newest window', async (t) => {
  const { windows, explain } = await asked(t);
  windows(hurt, 4);
  windows(calm);
  for (const since of [1, 2, 2.5]) {
    const { period, sentence } = explain('web', since);
    assert.equal(period.windows, 1);
    assert.match(sentence, /^web waited <1 % of its runnable time in the last 5\.0 s/);
  }
});

test('a workload that ended before the time asked for is answered over the end of its life, with the losses of then', async (t) => {
  const { windows, explain, lose } = await asked(t);
  windows(hurt, 4);
  lose(200);
  windows(hurt, 2);
  windows({ other: { run: 1 } }, 6);
  const { period, sentence, confidence } = explain('web', 10);
  assert.equal(period.windows, 2);
  assert.equal(period.to, new Date(1_700_000_030_000).toISOString());
  const until = new Date(1_700_000_030_000).toTimeString().slice(0, 8);
  assert.ok(
    sentence.startsWith(`web waited 50 % of its runnable time in the 10 s until ${until}; `),
    sentence,
  );
  assert.deepEqual(
    confidence?.loweredBy.map(({ doubt }) => doubt),
    ['loss'],
  );
});

test('a limit is advised with the periods of all the time, however long the victim was there', async (t) => {
  const { windows, explain, give } = await asked(t);
  give(quota('web', 1, 25)); // 5 a second
  const throttled = {
    run: 1,
    waits: { throttled: 1 },
    blame: [{ cause: 'throttled', culprit: 'web', time: 1 } as const],
  };
  windows({ web: throttled }, 2);
  const alone = explain('web');
  assert.match(alone.advice ?? '', /: 50 periods of 100 ms ran out, and threads waited 2\.00 s/);
  windows({ other: { run: 1 } }, 2);
  assert.equal(explain('web').advice, alone.advice);
});

test('advice weighs what others waited in the same windows', async (t) => {
  const { windows, explain } = await asked(t);
  const neighbor = (culprit: string) => ({ cause: 'neighbor', culprit, time: 1 }) as const;
  const waits = { neighbor: 1 };
  windows(
    {
      web: hurtBy('etl', { blame: [neighbor('etl')], entitled: { neighbor: 1 } }),
      etl: { ...{ run: 1, waits, entitled: waits }, blame: [neighbor('web')] },
    },
    4,
  );
  assert.match(explain('web').advice ?? '', /^3\.0 times its CPU weight/);
});

test('a culprit that was there for a part of the time uses its request by the time it was there', async (t) => {
  const { windows, explain } = await asked(t);
  const attributes = { [culpritAttributes.cpuRequest.key]: 1 };
  const etl = { run: 10 };
  const blame = [{ cause: 'neighbor', culprit: 'etl', time: 1, excess: 1, attributes } as const];
  windows({ web: hurtBy('etl', { blame }), etl }, 2);
  windows({ web: { run: 1 } }, 2);
  assert.match(explain('web').sentence, /using 2\.0× its CPU request/);
});

test('of a minute that is held together a workload has the time in which it was there', async (t) => {
  const { windows, explain } = await asked(t);
  windows({ other: { run: 1 } }, 12);
  windows(hurt);
  windows({ other: { run: 1 } }, 40);
  assert.equal(explain('web').period.seconds, windowSeconds);
});

test('windows of past minutes are held together, without a change of their totals', async (t) => {
  const { windows, explain, counted } = await asked(t);
  windows({ web: hurtBy('etl'), db: { run: 2, waits: { self: 1 } } }, 120);
  const held = counted('retained');
  assert.ok(held <= 2 * (10 + 13 + 1), `${held} of 240 windows are held`);
  const answer = explain('web', 3600);
  assert.equal(answer.period.windows, 120);
  assert.equal(answer.wait.seconds, 120);
  assert.equal(answer.wait.count, 120 * 200);
  assert.deepEqual(
    answer.culprits.map(({ name, seconds: of }) => [name, of]),
    [['etl', 120]],
  );
});

test('nothing is held for longer than an hour, which is no eviction', async (t) => {
  const { windows, explain, counted } = await asked(t);
  windows(calm, 800);
  const { period } = explain('web', 24 * 3600);
  assert.ok(period.seconds > 3500 && period.seconds <= 3660, String(period.seconds));
  assert.equal(counted('forgotten'), 0);
});

test('above max_retained the oldest windows are evicted and counted, and their workloads forgotten', async (t) => {
  const { windows, explain, service, counted } = await asked(t, { max_retained: 3 });
  windows({ old: { run: 1 } });
  windows(calm, 7 + 24);
  assert.equal(counted('retained'), 3);
  assert.equal(counted('forgotten'), 2);
  assert.equal(service.ask('old', seconds(60)).kind, 'unknown');
  const { period } = explain('web', 600);
  assert.equal(period.windows, 24);
  assert.equal(period.heldFrom, new Date(1_700_000_040_000).toISOString());
});

test('above max_retained windows of one minute are held together before any is evicted', async (t) => {
  const { windows, explain, counted } = await asked(t, { max_retained: 7 });
  windows(calm, 8 + 5 * 12);
  assert.equal(counted('forgotten'), 0);
  assert.equal(explain('web', 600).period.windows, 8 + 5 * 12);
});

test('of culprits the eight with the longest time keep their names; the causes still sum to the wait', async (t) => {
  const { windows, explain } = await asked(t);
  const blame = Array.from({ length: 20 }, (_, n) => ({
    ...({ cause: 'neighbor', culprit: `c${n}`, time: 1 + n, excess: 0 } as const),
  }));
  windows({ web: { run: 1, waits: { neighbor: 210 }, blame } });
  const { culprits, wait } = explain('web');
  assert.deepEqual(
    culprits.map(({ name }) => name),
    ['c19', 'c18', 'c17', 'c16', 'c15', 'c14', 'c13', 'c12'],
  );
  assert.equal(wait.seconds, 210);
});

test('what is held is released with the next window when no question can come any more', async (t) => {
  const { windows, service, counted, stop } = await asked(t);
  windows(hurt, 3);
  assert.equal(counted('retained'), 3);
  stop();
  windows(hurt);
  assert.equal(counted('retained'), 0);
  assert.deepEqual(service.ask('web', seconds(60)), { kind: 'nothing', reason: 'no_window' });
});

test('the worst window is the one that lost most to its verdict, not the one that waited most', async (t) => {
  const { windows, explain } = await asked(t);
  windows({
    web: hurtBy('etl', {
      waits: { neighbor: 1, idle: 0.9, self: 0.9 },
    }),
  });
  windows({ web: hurtBy('etl', { run: 0.5 }) });
  assert.equal(explain('web').affected.worst?.share, 1 / 1.5);
});

test('nothing is held where no question can come', async (t) => {
  const { windows, host } = await connector(t);
  windows(hurt, 3);
  const service = await host.use(explanations);
  assert.deepEqual(service.ask('web', seconds(60)), { kind: 'nothing', reason: 'no_window' });
});
