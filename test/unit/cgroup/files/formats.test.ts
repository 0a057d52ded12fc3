import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  countCpus,
  parseCpuList,
  parseCpuMax,
  parseCpuStat,
  parseMicroseconds,
  parseNumber,
  parsePressure,
  parseTotal,
} from '../../../../src/cgroup/files/formats.ts';
import { nanoseconds } from '../../../../src/telemetry/units.ts';

/** Texts are of the formats in Documentation/admin-guide/cgroup-v2.rst and scheduler/sched-bwc.rst, or as named. */

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const parsers = {
  countCpus,
  parseCpuList,
  parseCpuMax,
  parseCpuStat,
  parseMicroseconds,
  parseNumber,
  parsePressure,
  parseTotal,
};

test('cpu.max: no quota', () => {
  assert.deepEqual(parseCpuMax('max 100000\n'), { quota: undefined, period: 100_000_000 });
});

test('cpu.max: any quota and period come back in ns', () => {
  const microseconds = fc.integer({ min: 1000, max: 1_000_000_000 });
  fc.assert(
    fc.property(microseconds, microseconds, (quota, period) => {
      assert.deepEqual(parseCpuMax(`${quota} ${period}\n`), {
        quota: nanoseconds(quota * 1000),
        period: nanoseconds(period * 1000),
      });
    }),
  );
});

test('cpu.stat of version 2 with the controller (Linux 6.18)', () => {
  const text =
    'usage_usec 1214097\nuser_usec 1200113\nsystem_usec 13983\nnice_usec 0\ncore_sched.force_idle_usec 0\n' +
    'nr_periods 42\nnr_throttled 40\nthrottled_usec 3141592\nnr_bursts 2\nburst_usec 1500\n';
  assert.deepEqual(parseCpuStat(text), {
    periods: 42,
    throttledPeriods: 40,
    throttled: 3_141_592_000n,
    usage: 1_214_097_000n,
    bursts: 2,
    burst: 1_500_000n,
  });
});

test('cpu.stat of version 2 without the controller has usage only', () => {
  assert.deepEqual(parseCpuStat('usage_usec 17\nuser_usec 10\nsystem_usec 7\n'), {
    periods: 0,
    throttledPeriods: 0,
    throttled: 0n,
    usage: 17_000n,
  });
});

test('cpu.stat of version 1 is in ns', () => {
  assert.deepEqual(parseCpuStat('nr_periods 3\nnr_throttled 2\nthrottled_time 76543210\n'), {
    periods: 3,
    throttledPeriods: 2,
    throttled: 76_543_210n,
  });
});

test('cpu.stat: totals beyond 2^53 are exact, and unknown names are ignored', () => {
  fc.assert(
    fc.property(u64, u64, (usage, throttled) => {
      const text = `usage_usec ${usage}\nsomething.new 5\nthrottled_usec ${throttled}\n`;
      const found = parseCpuStat(text);
      assert.equal(found.usage, usage * 1000n);
      assert.equal(found.throttled, throttled * 1000n);
    }),
  );
});

test('pressure: some and full, for any averages (kernel/sched/psi.c, psi_show)', () => {
  const percent = fc.integer({ min: 0, max: 9999 }).map((n) => (n / 100).toFixed(2));
  const line = (kind: string, averages: readonly string[], total: bigint) =>
    `${kind} avg10=${averages[0]} avg60=${averages[1]} avg300=${averages[2]} total=${total}\n`;
  fc.assert(
    fc.property(fc.array(percent, { minLength: 3, maxLength: 3 }), u64, u64, (averages, some, full) => {
      const text = line('some', averages, some) + line('full', averages, full);
      assert.deepEqual(parsePressure(text), { some: some * 1000n, full: full * 1000n });
      assert.deepEqual(parsePressure(line('some', averages, some)), { some: some * 1000n });
      assert.deepEqual(parsePressure(line('full', averages, full)), { full: full * 1000n });
    }),
  );
});

test('a list of CPUs is counted', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat({ max: 200 }), { minLength: 1 }), (cpus) => {
      assert.equal(countCpus(asKernelWrites(cpus)), cpus.length);
    }),
  );
});

/** `%*pbl`: runs of neighbours as ranges. */
function asKernelWrites(cpus: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const cpu of cpus.toSorted((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last?.[1] === cpu - 1) last[1] = cpu;
    else runs.push([cpu, cpu]);
  }
  return `${runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',')}\n`;
}

test('an empty cpuset, as version 1 creates it, has no count', () => {
  assert.equal(parseCpuList('\n'), undefined);
  assert.equal(parseCpuList('0-1\n'), '0-1');
});

const nonsense = [
  'x',
  'max',
  '1 2 3',
  '-',
  '0x10',
  '1e3',
  'usage_usec\n',
  'usage_usec x\n',
  '0-',
  '3-1',
  '0,,1',
];
for (const text of nonsense)
  test(`text the kernel never writes is refused: ${JSON.stringify(text)}`, () => {
    for (const [name, parse] of Object.entries(parsers)) {
      if (parse === countCpus && text === '-') continue;
      assert.throws(() => parse(text), SyntaxError, name);
    }
  });

test('a file without text is no number, no quota and no pressure', () => {
  for (const parse of [parseNumber, parseTotal, parseMicroseconds, parseCpuMax, parsePressure])
    assert.throws(() => parse(''), SyntaxError);
});
