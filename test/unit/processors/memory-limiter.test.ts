import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { setTimeout, setImmediate as turn } from 'node:timers/promises';
import type { Deliver } from '../../../src/component.ts';
import { collectGarbage } from '../../../src/machine/collect-garbage.ts';
import { memoryLimiter } from '../../../src/processors/memory-limiter.ts';
import { milliseconds, seconds } from '../../../src/telemetry/units.ts';
import { FakeClock } from '../fake-clock.ts';
import { fakeHost } from '../fake-host.ts';
import { ledgerOf } from '../ledger.ts';
import { bench } from '../runtime/agent-bench.ts';
import { batchOf, total } from '../runtime/fake-world.ts';
import { loadProcessor } from './load-processor.ts';

type Config = Parameters<typeof memoryLimiter.open>[0];

const mebibyte = 2 ** 20;

/** Resident memory in MiB: each measurement takes the next, the last one stays. */
function resident(...readings: readonly number[]) {
  let at = 0;
  mock.restoreAll(); // a mock of a mock would stay
  mock.method(process.memoryUsage, 'rss', () => {
    const reading = readings[Math.min(at, readings.length - 1)] ?? 0;
    at += 1;
    return reading * mebibyte;
  });
}

async function open(written: object) {
  const { host, logged, tasks, runTasks: measure } = fakeHost('memory_limiter', memoryLimiter.emits);
  const clock = new FakeClock();
  const config = loadProcessor('memory_limiter', written) as Config;
  const { refusal } = await memoryLimiter.open(config, { ...host, clock });
  return {
    ...{ clock, tasks, measure, refuses: () => refusal?.() !== undefined, refusal },
    log: () => logged.splice(0).map((line) => JSON.parse(line) as Record<string, unknown>),
    collections: () => host.counters.read()[0]?.value ?? 0,
  };
}

test.afterEach(() => mock.restoreAll());

test('above the soft limit data is refused, below it no more, and each change is logged once', async () => {
  resident(70, 79, 81, 81, 79, 79, 81, 81);
  const { refuses, refusal, measure, log } = await open({ limit_mib: 100 });
  assert.deepEqual(
    log().map(({ msg, soft_limit_mib, limit_mib }) => [msg, soft_limit_mib, limit_mib]),
    [['Memory limiter configured', 80, 100]],
  );
  const seen: boolean[] = [];
  for (let times = 0; times < 4; times += 1) {
    await measure();
    seen.push(refuses());
  }
  // the second and the third reading are those before and after the collection
  assert.deepEqual(seen, [false, true, false, false]);
  assert.deepEqual(
    log().map(({ msg, memory_mib }) => [msg, memory_mib]),
    [
      ['Memory usage is above soft limit. Refusing data.', 81],
      ['Memory usage back within limits. Resuming normal operation.', 79],
    ],
  );
  await measure();
  assert.deepEqual(refusal?.(), { reason: 'data refused due to high memory usage', code: 'memory_limit' });
});

test('the first measurement is at the start', async () => {
  resident(300);
  const { refuses } = await open({ limit_mib: 100, spike_limit_mib: 1 });
  assert.ok(refuses());
});

test('garbage is collected before data is refused', async () => {
  resident(70, 95, 60);
  const { refuses, measure, log, collections } = await open({ limit_mib: 100 });
  log();
  await measure();
  assert.equal(refuses(), false);
  assert.equal(collections(), 1);
  assert.deepEqual(log(), []);
});

test('above the hard limit garbage is collected at each measurement, above the soft one each 10 s', async () => {
  resident(90);
  const { clock, measure, collections } = await open({ limit_mib: 100 });
  assert.equal(collections(), 1, 'at the start');
  for (let second = 1; second <= 20; second += 1) {
    await clock.advance(seconds(1));
    await measure();
  }
  assert.equal(collections(), 3);
  resident(110);
  for (let second = 1; second <= 5; second += 1) {
    await clock.advance(seconds(1));
    await measure();
  }
  assert.equal(collections(), 8);
});

test('it measures each `check_interval`', async () => {
  resident(1);
  const { tasks } = await open({ limit_mib: 100, check_interval: '250ms' });
  assert.deepEqual(
    tasks.map(({ every }) => every),
    [milliseconds(250)],
  );
});

test('percentages are of the memory that the agent may take', async () => {
  resident(1);
  const { log } = await open({ limit_percentage: 50, spike_limit_percentage: 10 });
  const [{ soft_limit_mib: soft, limit_mib: hard, of } = {}] = log();
  assert.ok(of === 'cgroup' || of === 'machine');
  assert.ok(Math.abs(Number(soft) / Number(hard) - 0.8) < 0.01, `${soft} of ${hard} MiB`);
});

test('memory that is really taken and given back', async () => {
  collectGarbage();
  await turn();
  const before = process.memoryUsage.rss();
  const { refuses, measure } = await open({
    limit_mib: Math.round(before / mebibyte) + 100,
    spike_limit_mib: 20,
  });
  assert.equal(refuses(), false);
  let taken: Buffer | undefined = Buffer.alloc(200 * mebibyte, 1);
  await measure();
  assert.ok(refuses(), `${taken.length} bytes were taken`);
  taken = undefined;
  for (let times = 0; refuses() && times < 1000; times += 1) {
    await measure();
    await setTimeout(10); // memory outside of the heap is freed by another thread
  }
  assert.equal(refuses(), false);
});

test('pages of which little is in use are given back, and data is taken again', async () => {
  collectGarbage();
  const before = process.memoryUsage.rss() / mebibyte;
  const { refuses, measure } = await open({ limit_mib: Math.round(before) + 60, spike_limit_mib: 20 });
  let all: readonly object[] = Array.from({ length: 1_000_000 }, (_, index) => ({ index, list: [index] }));
  await measure();
  assert.ok(refuses(), `${all.length} objects were made`);
  all = all.filter((_, index) => index % 500 === 0);
  await measure();
  assert.equal(refuses(), false);
  assert.equal(all.length, 2000);
});

const config = `
receivers: {source: }
processors: {step: }
exporters: {sink: }
service: {pipelines: {metrics: {receivers: [source], processors: [step], exporters: [sink]}}}
`;

test('in an agent what is pulled is lost by its reason, and a sender is told to send again', async () => {
  let deliver: Deliver | undefined;
  const { start, clock, counters, agent } = bench(config, {
    step: async (host) =>
      memoryLimiter.open(loadProcessor('memory_limiter', { limit_mib: 100 }) as Config, host),
    async source() {
      const collect = async () => [batchOf('metrics', 3, 'pulled')];
      return {
        pulls: [{ name: 'totals', every: seconds(1), collect }],
        listen(into) {
          deliver = into;
        },
      };
    },
  });
  const ledger = () =>
    ledgerOf(counters, {
      ...{ signal: 'metrics', receivers: ['source'], processors: ['step'] },
      ...{ exporter: 'sink', itemsPerRequest: 1 },
    });
  resident(50);
  await start();
  await clock.advance(seconds(3));
  const { accepted, sent } = ledger();
  assert.ok(sent > 0);
  assert.equal(agent.health.list.length, 0);

  resident(500);
  await clock.advance(seconds(3));
  assert.deepEqual(await deliver?.(batchOf('metrics', 2, 'sent')), {
    ...{ kind: 'retry', reason: 'data refused due to high memory usage', code: 'memory_limit' },
  });
  const refused = ledger();
  assert.ok((refused.lost.memory_limit ?? 0) >= 6);
  assert.equal(refused.deferred, 2);
  assert.equal(refused.accepted, accepted);
  assert.equal(refused.missing, 0, JSON.stringify(refused));
  assert.deepEqual(
    agent.health.list.map(({ subject, reason }) => [subject.kind, subject.id, reason]),
    [['processor', 'step', 'data refused due to high memory usage']],
  );

  resident(50);
  await clock.advance(seconds(3));
  assert.deepEqual(agent.health.list, []);
  await agent.stop();
  const { missing, held } = ledger();
  assert.deepEqual({ missing, held }, { missing: 0, held: 0 });
});

test('pipelines that have the same processor share its measurements and collections', async () => {
  const two = config.replace(
    'metrics: {',
    'logs: {receivers: [source], processors: [step], exporters: [sink]}, metrics: {',
  );
  const { start, clock, counters, agent } = bench(two, {
    step: async (host) =>
      memoryLimiter.open(loadProcessor('memory_limiter', { limit_mib: 100 }) as Config, host),
  });
  resident(500);
  await start();
  await clock.advance(seconds(2.5));
  assert.deepEqual(agent.health.list.map(({ subject }) => subject.pipeline).toSorted(), ['logs', 'metrics']);
  await agent.stop();
  assert.equal(total(counters, 'earshot.agent.memory_limiter.collections', { processor: 'step' }), 3);
});

test('the agent is unhealthy while data is refused, whether any comes or not', async () => {
  const { start, reload, clock, agent } = bench(config, {
    step: async (host) =>
      memoryLimiter.open(loadProcessor('memory_limiter', { limit_mib: 100 }) as Config, host),
    source: async () => ({ pulls: [], listen() {} }),
  });
  resident(500);
  await start();
  assert.equal(agent.health.list.length, 1);
  resident(50);
  await clock.advance(seconds(1));
  assert.deepEqual(agent.health.list, []);
  resident(500);
  await clock.advance(seconds(1));
  assert.deepEqual(
    [...agent.health.troubles],
    [['processor metrics step', 'data refused due to high memory usage']],
  );
  await reload(config.replace('processors: [step], ', ''));
  assert.deepEqual(agent.health.list, []);
  await agent.stop();
});

for (const [written, message] of [
  [{}, /"limit_mib" or "limit_percentage" must be greater than zero/],
  [{ limit_mib: 100, spike_limit_mib: 100 }, /spike_limit_mib: must be smaller than "limit_mib"/],
  [{ limit_percentage: 20, spike_limit_percentage: 30 }, /must be smaller than "limit_percentage"/],
  [{ limit_percentage: 101 }, /limit_percentage/],
  [{ limit_mib: 100, check_interval: 0 }, /check_interval: must be at least 10ms/],
  [
    { limit_mib: 100, min_gc_interval_when_soft_limited: '1s', min_gc_interval_when_hard_limited: '2s' },
    /should be larger than "min_gc_interval_when_hard_limited"/,
  ],
] as const)
  test(`refused: ${JSON.stringify(written)}`, () => {
    assert.throws(() => loadProcessor('memory_limiter', written), message);
  });
