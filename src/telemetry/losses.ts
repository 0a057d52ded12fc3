/** What was lost since the last `take`, by reason. One for all parts of a component, which takes it with each reading. */
export class LossLedger {
  readonly #counts = new Map<string, number>();

  add(reason: string, by = 1): void {
    if (by) this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + by);
  }

  take(): Readonly<Record<string, number>> {
    const taken = Object.fromEntries(this.#counts);
    this.#counts.clear();
    return taken;
  }
}
