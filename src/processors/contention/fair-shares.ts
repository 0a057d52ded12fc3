/** What may be given to one of several. */
export interface Claim {
  /** Compared with those of the others alone; above 0. */
  weight: number;
  /** What it can use at most. */
  demand: number;
  /** The result. */
  share: number;
}

/** What competes for CPU time: a party, or a group of those that compete for what the group gets. */
export interface Contender extends Claim {
  /** Whose demands sum to that of the group; a party has none. */
  readonly members: readonly Contender[];
}

/**
 * Sets the share of each: at each level by weight, none more than it can use, and what one leaves goes to its siblings by
 * weight (weighted max-min). The shares of the parties sum to the capacity or, if that is less, to the demand.
 */
export function fairShares(capacity: number, root: Contender): void {
  root.share = Math.min(capacity, root.demand);
  divide(root);
}

function divide({ share, members }: Contender): void {
  const [only] = members;
  if (members.length === 1 && only) only.share = share;
  else maxMin(share, members);
  for (const member of members) divide(member);
}

/** Of a claim that may get more. */
const open = -1;

/** Weighted max-min of one level: sets the share of each claim. */
export function maxMin(amount: number, claims: readonly Claim[]): void {
  let left = amount;
  let weights = 0;
  for (const claim of claims) {
    claim.share = open;
    weights += claim.weight;
  }
  for (let isFilling = true; isFilling; ) {
    isFilling = false;
    // what one cannot use raises the part of all that are open
    for (const claim of claims) {
      const { weight, demand } = claim;
      if (claim.share !== open || demand * weights > left * weight) continue;
      claim.share = demand;
      left = Math.max(left - demand, 0); // below 0 by rounding
      weights -= weight;
      isFilling = true;
    }
  }
  for (const claim of claims) if (claim.share === open) claim.share = (left * claim.weight) / weights;
}
