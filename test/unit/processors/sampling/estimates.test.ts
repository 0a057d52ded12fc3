import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Batch } from '../../../../src/telemetry/batch.ts';
import { usualOr } from '../../../lab/thorough.ts';
import {
  covers,
  type TotalWeight,
  totalWeight,
  weightedQuantile,
  weightedTotal,
} from '../../../lab/weighted-estimates.ts';
import { fixture, type MadeWait, recordsOf, seededRandom, waits, weightedIn } from './fixture.ts';

/** The intervals of docs/SAMPLING.md against the unsampled stream, over many streams and chances: the same in each run. */

const streams = usualOr(120, 1000);
const parts = [0.5, 0.9, 0.99] as const;

/** A minute of five workloads: log-normal waits, longer ones in bursts, so that a rate limit drops the longer ones. */
function stream(seed: number): readonly (readonly MadeWait[])[] {
  const random = seededRandom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Array.from({ length: 120 }, () =>
    ['a', 'b', 'c', 'd', 'e'].flatMap((workload) => {
      const isBurst = random() < 0.2;
      return Array.from({ length: isBurst ? 20 : 2 }, () => ({
        wait: 0.005 * Math.exp(normal() + (isBurst ? 1 : 0)),
        workload,
      }));
    }),
  );
}

async function sampled(written: object, seed: number) {
  const { processor, pass, pull, flush } = await fixture(written, { seed: seed + 1_000_000 });
  const passed: Batch[] = [];
  const all = stream(seed);
  for (const [step, made] of all.entries()) {
    passed.push(processor.process(waits(...made)));
    pass(0.5);
    if (step % 20 === 19) passed.push(...(await pull()));
  }
  passed.push(...flush());
  return { all: all.flat().map(({ wait }) => wait), sample: weightedIn(passed) };
}

const cases: readonly [title: string, written: object, weights: TotalWeight, parts: readonly number[]][] = [
  // of the waits that are kept some 6 are beyond the 0.99 quantile: fewer than the interval needs
  ['probabilistic', { probabilistic: { percentage: 10 } }, 'drawn', [0.5, 0.9]],
  ['probabilistic, most are kept', { probabilistic: { percentage: 70 } }, 'drawn', parts],
  ['rate limit', { rate_limit: { events_per_second: 2, burst: 4 } }, 'conserved', [0.5, 0.9]],
  ['reservoir', { reservoir: { longest: 20 } }, 'conserved', parts],
  [
    'reservoir of each workload',
    { reservoir: { longest: 5, bands_per_doubling: 1, per: 'workload' } },
    'conserved',
    parts,
  ],
  [
    'all modes',
    {
      tail: { min_wait: '100ms' },
      probabilistic: { percentage: 50 },
      rate_limit: { events_per_second: 4 },
      reservoir: { longest: 10 },
    },
    'drawn',
    parts,
  ],
];

for (const [title, written, weights, ofParts] of cases)
  test(`${title}: totals and quantiles are within the stated interval for at least 95 % of the streams`, async () => {
    const covered: Record<string, number> = {};
    const cover = (name: string, isCovered: boolean) => {
      covered[name] = (covered[name] ?? 0) + Number(isCovered);
    };
    let bias = 0;
    let kept = 0;
    for (let seed = 0; seed < streams; seed++) {
      const { all, sample } = await sampled(written, seed);
      const truth = all.reduce((sum, wait) => sum + wait, 0);
      const total = weightedTotal(sample, weights);
      const sorted = all.toSorted((a, b) => a - b);
      if (weights === 'conserved') assert.equal(totalWeight(sample), all.length);
      else {
        const count = weightedTotal(
          sample.map(({ weight }) => ({ value: 1, weight })),
          weights,
        );
        cover('count', covers(count, all.length));
      }
      cover('total', covers(total, truth));
      for (const part of ofParts)
        cover(
          `quantile ${part}`,
          covers(weightedQuantile(sample, part), sorted[Math.ceil(part * sorted.length) - 1] ?? 0),
        );
      bias += (total.value / truth - 1) / streams;
      kept += sample.length / all.length / streams;
    }
    assert.ok(kept < 0.75, `${kept} of the waits are kept`);
    assert.ok(Math.abs(bias) < 0.03, `totals are off by ${bias} on average`);
    for (const [name, count] of Object.entries(covered))
      assert.ok(count >= streams * 0.95, `${name}: ${count} of ${streams}`);
  });

test('waits of one workload that are kept together are a cluster: totals are within its interval', async () => {
  const written = { probabilistic: { percentage: 30, attribute: 'service.instance.id' } };
  let covered = 0;
  let coveredAlone = 0;
  for (let seed = 0; seed < streams; seed++) {
    const random = seededRandom(seed);
    const made = Array.from({ length: 150 }, (_, workload) => {
      const length = 0.01 * (1 + random());
      return Array.from({ length: 10 }, () => ({
        wait: length * (1 + random()),
        workload: `${seed}-${workload}`,
      }));
    }).flat();
    const { processor } = await fixture(written, { seed });
    const batch = processor.process(waits(...made));
    const names = recordsOf(batch).map(({ resource }) => String(resource.attributes['service.instance.id']));
    const alone = weightedIn([batch]);
    const sample = alone.map((each, i) => ({ ...each, cluster: names[i] ?? '' }));
    const truth = made.reduce((sum, { wait }) => sum + wait, 0);
    covered += Number(covers(weightedTotal(sample, 'drawn'), truth));
    coveredAlone += Number(covers(weightedTotal(alone, 'drawn'), truth));
  }
  assert.ok(covered >= streams * 0.95, `${covered} of ${streams}`);
  assert.ok(coveredAlone < streams * 0.9, `${coveredAlone} of ${streams} without clusters: they matter`);
});

test('an interval is no wider than it has to be: half of it misses the total in some streams', async () => {
  let missed = 0;
  for (let seed = 0; seed < streams; seed++) {
    const { all, sample } = await sampled({ probabilistic: { percentage: 10 } }, seed);
    const { value, low } = weightedTotal(sample, 'drawn');
    const truth = all.reduce((sum, wait) => sum + wait, 0);
    if (Math.abs(value - truth) > (value - low) / 2) missed += 1;
  }
  assert.ok(missed > streams * 0.05, `${missed} of ${streams}`);
});
