import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CpuTimes } from '../../../../src/machine/cpu-times.ts';
import { StolenShares, type StolenTime } from '../../../../src/receivers/scheduler/stolen-shares.ts';
import { LossLedger } from '../../../../src/telemetry/losses.ts';

const second = 1_000_000_000;
const neither: StolenTime = { irq: false, steal: false };

/** Two CPUs whose ticks a test sets; no reading yet. */
function setUp(accounted = neither) {
  const ticks = { irq: new Float64Array(2), steal: new Float64Array(2) };
  const losses = new LossLedger();
  const warnings: string[] = [];
  let fault: Error | undefined;
  const read = () => {
    if (fault) throw fault;
  };
  const shares = new StolenShares({ ...ticks, read } as unknown as CpuTimes, accounted, {
    losses,
    warn: (error) => warnings.push(error.message),
  });
  let now = 0;
  const advance = (elapsed = 10 * second) => {
    now += elapsed;
    shares.advance(now);
    return [...shares.irq.subarray(0, 2), ...shares.steal.subarray(0, 2)];
  };
  const onAny = () => [shares.irq[2], shares.steal[2]];
  return { ticks, losses, warnings, advance, onAny, fail: (error?: Error) => (fault = error) };
}

test('a share is the growth of ticks over the elapsed time, for each CPU and kind', () => {
  const { ticks, advance, losses } = setUp();
  ticks.irq.set([500, 7]);
  assert.deepEqual(advance(), [0, 0, 0, 0], 'time before the first reading is charged to no cgroup');
  ticks.irq[0] = 600;
  ticks.steal[1] = 250;
  assert.deepEqual(advance(), [0.1, 0, 0, 0.25]);
  assert.deepEqual(advance(), [0, 0, 0, 0]);
  assert.deepEqual(losses.take(), {});
});

test('the share of an unknown CPU is the minimum over all online CPUs', () => {
  const { ticks, advance, onAny } = setUp();
  advance();
  assert.deepEqual(onAny(), [0, 0]);
  ticks.irq.set([100, 300]);
  ticks.steal.set([0, 300]);
  advance();
  assert.deepEqual(onAny(), [0.1, 0]);
  ticks.irq.set([Number.NaN, 500]);
  ticks.steal.set([Number.NaN, 600]);
  advance();
  assert.deepEqual(onAny(), [0.2, 0.3]);
});

test('time the kernel accounts itself has no share', () => {
  const { ticks, advance } = setUp({ irq: false, steal: true });
  advance();
  ticks.irq[0] = 100;
  ticks.steal[0] = 100;
  assert.deepEqual(advance(), [0.1, 0, 0, 0]);
});

test('/proc/stat is not read if the kernel accounts both kinds', () => {
  const { advance, fail, losses } = setUp({ irq: true, steal: true });
  fail(new Error('must not be read'));
  assert.deepEqual(advance(), [0, 0, 0, 0]);
  assert.deepEqual(losses.take(), {});
});

test('a counter that goes backwards is counted, never charged, and continues from there', () => {
  const { ticks, advance, losses } = setUp();
  ticks.steal[0] = 1000;
  advance();
  ticks.steal[0] = 400;
  assert.deepEqual(advance(), [0, 0, 0, 0]);
  assert.deepEqual(losses.take(), { cpu_time_backwards: 1 });
  ticks.steal[0] = 500;
  assert.deepEqual(advance(), [0, 0, 0.1, 0]);
});

test('growth above the elapsed time is counted and never charged', () => {
  const { ticks, advance, losses } = setUp();
  advance();
  ticks.steal[0] = 1e9;
  assert.deepEqual(advance(), [0, 0, 0, 0]);
  assert.deepEqual(losses.take(), { cpu_time_implausible: 1 });
  ticks.steal[0] += 100;
  assert.deepEqual(advance(), [0, 0, 0.1, 0]);
});

test('late ticks are charged with the next growth, not to a CPU without any', () => {
  const { ticks, advance, losses } = setUp();
  advance();
  ticks.steal[0] = 1002;
  assert.deepEqual(advance(), [0, 0, 1, 0]);
  assert.deepEqual(advance(), [0, 0, 0, 0]);
  ticks.steal[0] = 1003;
  assert.deepEqual(advance(), [0, 0, 0.003, 0]);
  assert.deepEqual(losses.take(), {});
});

test('a CPU that returns online has its growth over the whole time offline', () => {
  const { ticks, advance, losses } = setUp();
  advance();
  ticks.irq[1] = Number.NaN;
  ticks.steal[1] = Number.NaN;
  assert.deepEqual(advance(), [0, 0, 0, 0]);
  ticks.irq[1] = 20;
  ticks.steal[1] = 0;
  assert.deepEqual(advance(), [0, 0.01, 0, 0]);
  assert.deepEqual(losses.take(), {});
});

test('a new CPU has no share before its second reading', () => {
  const { ticks, advance } = setUp();
  ticks.irq[1] = Number.NaN;
  advance();
  ticks.irq[1] = 900;
  assert.deepEqual(advance(), [0, 0, 0, 0]);
  ticks.irq[1] = 1000;
  assert.deepEqual(advance(), [0, 0.1, 0, 0]);
});

test('an unreadable /proc/stat charges nothing, is counted each time and logged once; the next reading covers that time', () => {
  const { ticks, advance, losses, warnings, fail } = setUp();
  advance();
  fail(new Error('cannot read /proc/stat: gone'));
  ticks.irq[0] = 100;
  assert.deepEqual(advance(), [0, 0, 0, 0]);
  advance();
  fail();
  ticks.irq[0] = 300;
  assert.deepEqual(advance(), [0.1, 0, 0, 0]);
  assert.deepEqual(losses.take(), { cpu_times_unreadable: 2 });
  assert.deepEqual(warnings, ['cannot read /proc/stat: gone']);
});

test('shares are 0 to 1, 0 without growth, and sum to the plausible ticks', () => {
  const step = fc.record({
    elapsed: fc.integer({ min: second / 10, max: 20 * second }),
    irq: fc.nat(1100),
    steal: fc.nat(1100),
    quiet: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const { ticks, advance, losses } = setUp();
      advance();
      let charged = 0;
      let grown = 0;
      for (const { elapsed, irq, steal, quiet } of steps) {
        const scale = quiet ? 0 : elapsed / (20 * second);
        const [moreIrq, moreSteal] = [Math.floor(irq * scale), Math.floor(steal * scale)];
        ticks.irq[0] = (ticks.irq[0] ?? 0) + moreIrq;
        ticks.steal[0] = (ticks.steal[0] ?? 0) + moreSteal;
        grown += moreIrq + moreSteal;
        const [irqShare = -1, , stealShare = -1] = advance(elapsed);
        for (const share of [irqShare, stealShare]) assert.ok(share >= 0 && share <= 1);
        if (!moreIrq) assert.equal(irqShare, 0);
        if (!moreSteal) assert.equal(stealShare, 0);
        charged += (irqShare + stealShare) * elapsed;
        assert.ok(charged <= grown * 1e7 + 1);
      }
      // what is owed at the end is at most what a CPU may be late with
      if (!Object.keys(losses.take()).length) assert.ok(grown * 1e7 - charged <= 2 * 20 * second);
    }),
  );
});
