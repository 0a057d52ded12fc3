import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingAttributes } from '../../../../src/telemetry/attributes/finding.ts';
import { workloadAttributes } from '../../../../src/telemetry/attributes/workload.ts';
import { connector, only } from './connector.ts';
import { quota } from './quota-batch.ts';
import { type Doing, hurtBy } from './windows.ts';

const throttled: Doing = {
  ...{ run: 5, waits: { throttled: 2 }, length: 0.08, count: 50 },
  blame: [{ cause: 'throttled', culprit: 'web', time: 2 }],
};
const adviceOf = (records: Parameters<typeof only<import('@opentelemetry/sdk-logs').ReadableLogRecord>>[0]) =>
  only(records).attributes[findingAttributes.advice.key];

test('a higher limit is advised by the periods in which the limit ran out', async (t) => {
  const { windows, give } = await connector(t);
  give(quota('web', 1, 40));
  assert.equal(
    adviceOf(windows({ web: throttled }, 2)),
    // 40 periods of 100 ms: each CPU more is 4 s of CPU time, and 90 % of 2 s need 0.45 CPUs
    'Raising the CPU limit of web from 1.0 CPU to 1.5 CPUs would have removed about 100 % of the throttled time: ' +
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
    /^Raising the CPU limit of \/pods\.slice from 2\.0 CPUs to 3\.5 CPUs .* about 94 %/,
  );
});

test('without the figures of the quota there is no advice on its limit', async (t) => {
  const { windows, give } = await connector(t);
  assert.equal(adviceOf(windows({ web: throttled }, 2)), undefined);
  give(quota('other', 1, 40));
  assert.equal(adviceOf(windows({ api: throttled }, 2)), undefined);
});

test('a request that is too small is advised to be what could have been used', async (t) => {
  const { windows } = await connector(t);
  const small: Doing = {
    ...hurtBy('etl', { blame: [{ cause: 'neighbor', culprit: 'etl', time: 1 }], entitled: { neighbor: 1 } }),
    attributes: { [workloadAttributes.cpuRequest.key]: 0.1 },
  };
  assert.equal(
    adviceOf(windows({ web: small }, 2)),
    'It requests 0.1 CPUs and could have used 0.4 CPUs (0.2 CPUs that it had, 0.2 CPUs that it waited for): ' +
      'a request of 0.4 CPUs gives it the weight',
  );
});

test('own threads are counted against the CPUs that they had', async (t) => {
  const { windows } = await connector(t);
  assert.equal(
    adviceOf(windows({ web: { run: 10, waits: { self: 30 }, preemptions: { self: 100 } } }, 2)),
    'On average 8.0 of its threads could run, and it had 2.0 CPUs: with no more threads than CPUs, 100 % of the wait would not have been',
  );
});
