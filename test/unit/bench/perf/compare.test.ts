import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Comparison, compare, judgedFrom, missesOf } from '../../../../bench/accuracy/perf/compare.ts';
import { lostIn } from '../../../../bench/accuracy/perf/recording.ts';
import { idle, kernel } from '../../../../bench/accuracy/perf/threads.ts';

const ms = 1e6;
const nameOf = (path: string) => ({ '/victim': 'victim', '/hog': 'hog' })[path];

function comparison(causes: Readonly<Record<string, number>>, culprits: Readonly<Record<string, number>>) {
  return compare('victim', {
    path: '/victim',
    replayed: {
      ...{ wait: 1000 * ms, waits: 100, run: 500 * ms, throttled: 100 * ms, unbegun: 0 },
      by: new Map([
        ['/hog', 600 * ms],
        ['/', 100 * ms],
        ['/victim', 100 * ms],
        [kernel, 60 * ms],
        [idle, 40 * ms],
      ]),
    },
    reported: {
      ...{ waits: 100, run: 500 * ms },
      causes: new Map(Object.entries(causes).map(([cause, time]) => [cause, time * ms])),
      culprits: new Map(Object.entries(culprits).map(([path, time]) => [path, time * ms])),
    },
    nameOf,
  });
}

const causes = { self: 100, neighbor: 600, system: 100, kernel: 60, idle: 40, throttled: 100 };
const culprits = { '/hog': 600, '/': 90, other: 10 };

const errors = (of: Comparison) =>
  Object.fromEntries(
    [...of.kinds, ...of.culprits].map(({ name, error }) => [name, Math.round(error * 100) / 100]),
  );

test('an agent that agrees with perf misses nothing', () => {
  const of = comparison(causes, culprits);
  assert.ok(Object.values(errors(of)).every((error) => error === 0));
  assert.deepEqual(missesOf(of), []);
});

test('stolen time is left out of the shares and counts in the total', () => {
  const scaled = (times: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(times).map(([name, time]) => [name, time * 0.9]));
  const of = comparison({ ...scaled(causes), irq: 60, steal: 40 }, scaled(culprits));
  assert.ok(Object.values(errors(of)).every((error) => error === 0));
  assert.ok(Math.abs(of.stolen - 10) < 1e-9);
  assert.ok(Math.abs(of.waitError) < 1e-9);
});

test('a wrong culprit, a wrong total and what is unknown are missed targets', () => {
  const of = comparison({ ...causes, neighbor: 580, unknown: 40 }, { '/hog': 580, '/': 120 });
  assert.deepEqual(
    missesOf(of).map((miss) => miss.replace(/ is off by .*/, '')),
    ['victim: wait', 'victim: other', 'victim: hog', 'victim: elsewhere', 'victim: unknown'],
  );
});

test('a wait too short to be judged misses nothing', () => {
  const of = comparison({ self: 1 }, {});
  assert.ok(missesOf(of).length > 0);
  assert.deepEqual(missesOf({ ...of, wait: judgedFrom - 1 }), []);
});

test('lost records and lost samples add up, and a report without statistics is refused', () => {
  const statistics =
    'Aggregated stats:\n  TOTAL events:  10\n   LOST events:  2 ( 1%)\n LOST_SAMPLES events: 3\n';
  assert.equal(lostIn(statistics), 5);
  assert.equal(lostIn('  TOTAL events:  10\n'), 0);
  assert.throws(() => lostIn('incompatible file format'), /no statistics/);
});
