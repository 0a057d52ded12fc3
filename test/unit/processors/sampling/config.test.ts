import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seconds } from '../../../../src/telemetry/units.ts';
import { samplingSettings } from './fixture.ts';

test('a mode without keys has the defaults of the reference page', () => {
  const { rate_limit: rateLimit, reservoir, tail } = samplingSettings({ rate_limit: {}, reservoir: {} });
  assert.deepEqual(rateLimit, { events_per_second: 5, per: 'workload' });
  assert.deepEqual(reservoir, {
    longest: 100,
    window: seconds(10),
    bands_per_doubling: 4,
    per: 'pipeline',
  });
  assert.equal(tail, undefined);
});

const mistakes: readonly [title: string, written: object, message: RegExp][] = [
  ['no mode that drops', { tail: { min_wait: '1s' } }, /add "probabilistic", "rate_limit" or "reservoir"/],
  [
    'a tail that keeps nothing',
    { tail: {}, reservoir: {} },
    /tail: needs "min_wait", "causes" or "under_finding"/,
  ],
  ['a percentage of 0', { probabilistic: { percentage: 0 } }, /percentage: must be >= 0.0001, got 0/],
  ['no percentage', { probabilistic: {} }, /required key "percentage" is missing/],
  [
    'a seed without a hash',
    { probabilistic: { percentage: 10, hash_seed: 1 } },
    /hash_seed: is for the hash of an attribute: add "attribute"/,
  ],
  ['an unknown cause', { tail: { causes: ['neighbour'] }, reservoir: {} }, /did you mean "neighbor"/],
  ['a length without a unit', { reservoir: { window: 10 } }, /duration 10 has no unit/],
  ['an unknown mode', { ratelimit: {} }, /unknown key "ratelimit" \(did you mean "rate_limit"/],
  ['an unknown key of a mode', { rate_limit: { rate: 1 } }, /unknown key "rate"/],
];

for (const [title, written, message] of mistakes)
  test(`${title} is refused with a remedy`, () => {
    assert.throws(() => samplingSettings(written), message);
  });
