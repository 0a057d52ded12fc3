interface Limit {
  readonly remedy: string;
  /** Readings in a row that show it; fewer are what a burst leaves. */
  readonly readings: number;
}

/** By the loss that shows it. */
const limits: Readonly<Record<string, Limit>> = {
  no_slot: {
    remedy: 'cgroups beyond max_workloads share one total; raise max_workloads',
    readings: 1,
  },
  pair_full: {
    remedy: 'culprits have no name because all pairs of max_pairs are in use; raise max_pairs',
    readings: 1,
  },
  pair_evicted: {
    remedy: 'at each reading pairs of victim and culprit make room for others; raise max_pairs',
    readings: 3,
  },
  task_evicted: {
    remedy: 'there are more threads than when the agent started, and some are forgotten; restart the agent',
    readings: 1,
  },
};

/** Which limits of the maps the node has reached, by the losses since the last call. */
export class Limits {
  readonly #reached = new Set<string>();
  /** Readings up to the last one. */
  readonly #inARow = new Map<string, number>();

  note(losses: Readonly<Record<string, number>>): void {
    for (const [reason, { readings }] of Object.entries(limits)) {
      const inARow = losses[reason] ? (this.#inARow.get(reason) ?? 0) + 1 : 0;
      this.#inARow.set(reason, inARow);
      if (inARow >= readings) this.#reached.add(reason);
    }
  }

  /** Throws where one has been reached: the component is unhealthy until none is. */
  check(): void {
    const reached = [...this.#reached].sort();
    this.#reached.clear();
    if (reached.length) throw new Error(reached.map((reason) => limits[reason]?.remedy).join('; '));
  }
}
