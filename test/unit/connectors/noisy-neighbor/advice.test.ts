import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { findingAttributes } from '../../../../src/telemetry/attributes/finding.ts';
import { workloadAttributes } from '../../../../src/telemetry/attributes/workload.ts';
import { connector, only } from './connector.ts';
import { quota } from './quota-batch.ts';
import { type Doing, hurtBy } from './windows.ts';

const throttled: Doing = {
  ...{ run: 5, waits: { throttled: 2 }, length: 0.08, count: 50 },
  blame: [{ cause: 'throttled', culprit: 'web', time: 2 }],
};
const adviceOf = (records: readonly ReadableLogRecord[]) =>
  only(records).attributes[findingAttributes.advice.key];

test('a higher limit is advised by the periods in which the limit ran out', async (t) => {
  const { windows, give } = await connector(t);
  give(quota('web', 1, 40));
  assert.equal(
    adviceOf(windows({ web: throttled }, 2)),
    // 40 periods of 100 ms: each CPU more is 4 s of CPU time, and 90 % of 2 s need 0.45 CPUs
    'Raising the CPU limit of web from 1.0 CPU to 1.5 CPUs would have removed at least about 90 % of the throttled time: ' +
      '40 periods of 100 ms ran out, and threads waited 2.00 s for the next ones',
  );
});

test('the throttled threads of all workloads below a quota share what a higher limit gives', async (t) => {
  const { windows, give } = await connector(t);
  give(quota('/pods.slice', 2, 50));
  const below: Doing = {
    ...{ run: 2, waits: { throttled_ancestor: 4 }, length: 0.08, count: 50 },
    blame: [{ cause: 'throttled_ancestor', culprit: '/pods.slice', time: 4 }],
  };
  const [advice] = windows({ a: below, b: below }, 2).map(
    ({ attributes }) => attributes[findingAttributes.advice.key],
  );
  // 5 s for each CPU more, 90 % of 8 s
  assert.match(
    String(advice),
    /^Raising the CPU limit of \/pods\.slice from 2\.0 CPUs to 3\.5 CPUs .* about 90 %/,
  );
});

test('without the figures of the quota there is no advice on its limit', async (t) => {
  const { windows, give } = await connector(t);
  assert.equal(adviceOf(windows({ web: throttled }, 2)), undefined);
  give(quota('other', 1, 40));
  assert.equal(adviceOf(windows({ api: throttled }, 2)), undefined);
});

const neighbor = (culprit: string, time: number) => ({ cause: 'neighbor', culprit, time }) as const;

/** Waits for 1 s behind a neighbor within its share. */
const small: Doing = { ...hurtBy('etl', { blame: [neighbor('etl', 1)], entitled: { neighbor: 1 } }) };

/** Has waited so long behind the web. */
const behindWeb = (time: number, waits: Doing['waits'] = { neighbor: time }): Doing => ({
  ...{ run: 2, waits, blame: [neighbor('web', time)], entitled: { neighbor: time } },
});

const adviceToWeb = (records: readonly ReadableLogRecord[]) =>
  adviceOf(records.filter(({ resource }) => resource.attributes[workloadAttributes.name.key] === 'web'));

test('a larger weight is advised by what the neighbors had for each second of its own', async (t) => {
  const { windows } = await connector(t);
  assert.equal(
    adviceToWeb(windows({ web: small, etl: behindWeb(1) }, 2)),
    // of 2 s it waits for 1; with three times the weight it waits for 1 of 4
    '3.0 times its CPU weight would have removed at least about 50 % of its wait behind neighbors: while both wanted the CPU, ' +
      'they had 1.0 s for each second of its own',
  );
});

test('a larger request is advised where there is one', async (t) => {
  const { windows } = await connector(t);
  const web = { ...small, attributes: { [workloadAttributes.cpuRequest.key]: 0.5 } };
  assert.match(
    String(adviceToWeb(windows({ web, etl: behindWeb(1) }, 2))),
    /^3\.0 times its CPU weight \(a request of 1\.5 CPUs instead of 0\.5 CPUs, where weights are in proportion to requests\) would/,
  );
});

for (const [what, rivals] of Object.entries({
  'so large a weight that it is the whole machine': { etl: behindWeb(0.2) },
  'a weight against neighbors that never waited': { etl: { run: 2 } },
  'a weight against a neighbor of which it is not known how many threads waited at a time': {
    etl: behindWeb(3, { neighbor: 3, self: 4 }),
  },
  'a weight against neighbors of which nothing is known': {},
}))
  test(`${what} is not advised`, async (t) => {
    const { windows } = await connector(t);
    assert.equal(adviceToWeb(windows({ web: small, ...rivals }, 2)), undefined);
  });

test('what others that waited could have had in the place of a culprit is not promised', async (t) => {
  const hurt = hurtBy('etl', {
    waits: { neighbor: 1 },
    blame: [
      { ...neighbor('etl', 0.8), excess: 0.8 },
      { ...neighbor('db', 0.2), excess: 0.2 },
    ],
  });
  const advice = async (db: Doing) => String(adviceToWeb((await connector(t)).windows({ web: hurt, db }, 2)));
  assert.equal(
    await advice({ run: 1, waits: { neighbor: 0.3 }, blame: [neighbor('etl', 0.3)] }),
    'Anti-affinity with etl would have removed at least about 50 % of the wait: etl had the CPU for 80 % of it, of which others ' +
      'or its own threads could have had 30 %',
  );
  assert.equal(
    await advice({ run: 1, waits: { neighbor: 3 }, blame: [neighbor('etl', 3)] }),
    'etl had the CPU for 80 % of the wait; how much of that others or its own threads would have had in its place the window ' +
      'does not show',
  );
});

test('a culprit in the same pod, and a service, are kept away by other means', async (t) => {
  const { windows } = await connector(t);
  const behind = (cause: 'sibling' | 'system'): Doing => ({
    ...{ run: 1, waits: { [cause]: 1 }, blame: [{ cause, culprit: 'etl', time: 1 }] },
  });
  const advices = windows({ web: behind('sibling'), db: behind('system') }, 2).map(
    ({ attributes }) => attributes[findingAttributes.advice.key],
  );
  assert.deepEqual(advices, [
    'A pod of its own for etl, on other CPUs, would have removed at least about 100 % of the wait: etl had the CPU for 100 % of it',
    'Keeping etl off these CPUs would have removed at least about 100 % of the wait: etl had the CPU for 100 % of it',
  ]);
});

test('own threads are counted against those that ran', async (t) => {
  const { windows } = await connector(t);
  assert.equal(
    adviceOf(windows({ web: { run: 10, waits: { self: 30 }, preemptions: { self: 100 } } }, 2)),
    'No more threads at a time than it has CPUs could have done the same work in the same time, without 100 % of the wait: ' +
      'on average 8.0 could run, and 2.0 did',
  );
});

test('where others have its CPUs, too, nothing is said of the number of threads', async (t) => {
  const { windows } = await connector(t);
  const waits = { self: 30, idle: 2 };
  assert.equal(adviceOf(windows({ web: { run: 10, waits, preemptions: { self: 100 } } }, 2)), undefined);
});
