import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Claim,
  type Contender,
  fairShares,
  maxMin,
} from '../../../../src/processors/contention/fair-shares.ts';

const party = (weight: number, demand: number): Contender => ({ weight, demand, share: 0, members: [] });
const group = (weight: number, ...members: readonly Contender[]): Contender => ({
  ...{ weight, members, share: 0 },
  demand: members.reduce((sum, { demand }) => sum + demand, 0),
});

/** Parties in the order of a walk. */
function partiesOf(of: Contender): readonly Contender[] {
  return of.members.length > 0 ? of.members.flatMap(partiesOf) : [of];
}

function sharesOf(capacity: number, root: Contender): readonly number[] {
  fairShares(capacity, root);
  return partiesOf(root).map(({ share }) => share);
}

function sharesOfLevel(amount: number, claims: readonly Claim[]): readonly number[] {
  maxMin(amount, claims);
  return claims.map(({ share }) => share);
}

test('what can be used by all is divided by weight', () => {
  assert.deepEqual(sharesOfLevel(100, [party(100, 1000), party(300, 1000)]), [25, 75]);
});

test('what one cannot use goes to its siblings by weight', () => {
  assert.deepEqual(sharesOfLevel(100, [party(100, 10), party(100, 1000), party(200, 1000)]), [10, 30, 60]);
});

test('what a second one cannot use after that goes on as well', () => {
  assert.deepEqual(sharesOfLevel(100, [party(100, 10), party(100, 30), party(100, 1000)]), [10, 30, 60]);
});

test('more capacity than demand is not divided', () => {
  assert.deepEqual(sharesOfLevel(100, [party(1, 10), party(100, 20)]), [10, 20]);
  assert.deepEqual(sharesOf(100, group(1, party(1, 10), group(2, party(1, 20)))), [10, 20]);
});

test('nobody claims, nothing is divided', () => {
  assert.deepEqual(sharesOfLevel(100, []), []);
  assert.deepEqual(sharesOfLevel(0, [party(1, 0), party(2, 5)]), [0, 0]);
});

test('members of a group share what the group gets, whatever their weights are beside others', () => {
  const root = group(1, group(100, party(900, 1000), party(100, 1000)), party(100, 1000));
  assert.deepEqual(sharesOf(100, root), [45, 5, 50]);
});

test('what a group cannot use goes to the siblings of the group', () => {
  const root = group(1, group(100, party(1, 5), party(1, 10)), party(100, 1000));
  assert.deepEqual(sharesOf(100, root), [5, 10, 85]);
});

const anyWeight = fc.integer({ min: 1, max: 10_000 });
const anyDemand = fc.integer({ min: 0, max: 1e12 });
const anyParty = fc.tuple(anyWeight, anyDemand).map(([weight, demand]) => party(weight, demand));
const { anyTree } = fc.letrec<{ anyTree: Contender; anyMember: Contender }>((tie) => ({
  anyMember: fc.oneof({ maxDepth: 4, withCrossShrink: true }, anyParty, tie('anyTree')),
  anyTree: fc
    .tuple(anyWeight, fc.array(tie('anyMember'), { minLength: 1, maxLength: 5 }))
    .map(([weight, members]) => group(weight, ...members)),
}));

/** Rounding of doubles, relative to the capacity. */
const isAbout = (a: number, b: number, of: number) => Math.abs(a - b) <= 1e-9 * (of + 1);

test('shares sum to capacity or demand, and none is more than its party can use', () => {
  fc.assert(
    fc.property(anyDemand, anyTree, (capacity, root) => {
      const shares = sharesOf(capacity, root);
      const sum = shares.reduce((a, b) => a + b, 0);
      assert.ok(isAbout(sum, Math.min(capacity, root.demand), capacity), `${sum}`);
      for (const [i, { demand }] of partiesOf(root).entries()) {
        const share = shares[i] ?? Number.NaN;
        assert.ok(
          share >= 0 && (share <= demand || isAbout(share, demand, capacity)),
          `${share} of ${demand}`,
        );
      }
    }),
  );
});

test('of siblings, one that gets less than it can use has no sibling with more for its weight', () => {
  fc.assert(
    fc.property(anyDemand, fc.array(anyParty, { minLength: 1, maxLength: 8 }), (amount, claims) => {
      const shares = sharesOfLevel(amount, claims);
      const levels = claims.map(({ weight }, i) => (shares[i] ?? Number.NaN) / weight);
      for (const [i, { demand }] of claims.entries()) {
        if (isAbout(shares[i] ?? Number.NaN, demand, amount)) continue;
        for (const level of levels) assert.ok(level <= (levels[i] ?? 0) * (1 + 1e-9) + 1e-6, `${levels}`);
      }
    }),
  );
});
