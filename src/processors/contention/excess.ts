import { claim, type Domain } from './domain.ts';
import { type Claim, fairShares, maxMin } from './fair-shares.ts';
import { demandOf, type Party, type Rival } from './party.ts';

/**
 * Whole nanoseconds of the blame of each rival in the domain that are excess.
 *
 * Shares are of the CPU time that all of them got. What the victim got less than its share is taken by the rivals that
 * got more than theirs: by blame, from none more than it got beyond its share.
 */
export function excessOf(domain: Domain, interval: number): readonly number[] {
  const { victim, rivals } = domain;
  let blame = 0;
  let capacity = victim.ran;
  for (const rival of rivals) {
    if (!rival.isOwn) blame += rival.blame; // the wait for its own has it already
    capacity += rival.party.ran;
  }
  const waitedOf = (party: Party) =>
    // what it waited behind others, none of these rivals could have left to it
    party === victim ? victim.waitedForSelf + blame : party.waited;
  claim(domain.root, (party) => demandOf(party, waitedOf(party), interval));
  fairShares(capacity, domain.root);
  const deficit = shareOf(victim) - victim.ran;
  if (deficit < 1) return rivals.map(() => 0); // below 1 by rounding
  const taken = claimsFor(rivals.length);
  for (const [i, claim] of taken.entries()) {
    const rival = rivals[i];
    if (!rival) continue;
    claim.weight = rival.blame;
    claim.demand = Math.max(0, rival.party.ran - shareOf(rival.party));
  }
  maxMin(deficit, taken);
  return rivals.map((rival, i) => waitFor(taken[i]?.share ?? 0, rival));
}

const claims: Claim[] = [];

/** Until the next call: a reading has as many rivals as pairs, and new objects cost more than what is done with them. */
function claimsFor(count: number): readonly Claim[] {
  while (claims.length < count) claims.push({ weight: 0, demand: 0, share: 0 });
  return claims.slice(0, count);
}

const shareOf = ({ group, ran }: Party) => group?.share ?? ran;

/**
 * The wait that a part of the rival's CPU time caused. Where the blame is longer than the rival ran, at least so many
 * threads of the victim waited at a time.
 */
function waitFor(taken: number, { party, blame }: Rival): number {
  if (taken <= 0) return 0;
  return Math.floor(Math.min(blame, taken * Math.max(1, blame / party.ran)));
}
