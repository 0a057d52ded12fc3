/**
 * Keys of what has to be written to a store. Bounded by what lives and what the store holds, however long it cannot be written:
 * what ends before it was ever written leaves nothing to delete.
 */
export class Unsaved {
  /** To be written. */
  readonly #changed = new Set<string>();
  /** To be deleted. */
  readonly #gone = new Set<string>();
  /** What the store holds, and what is being written to it. */
  readonly #stored = new Set<string>();

  get size(): number {
    return this.#changed.size + this.#gone.size;
  }

  /** Deletions first: what is new takes their place. */
  keys(): readonly string[] {
    return [...this.#gone, ...this.#changed];
  }

  /** It lives, and is not as it was written. */
  change(key: string): void {
    this.#gone.delete(key);
    this.#changed.add(key);
  }

  /** It no longer lives. */
  remove(key: string): void {
    this.#changed.delete(key);
    if (this.#stored.has(key)) this.#gone.add(key);
  }

  /** The store holds it. */
  found(key: string): void {
    this.#stored.add(key);
  }

  /** The store holds nothing. */
  cleared(): void {
    this.#gone.clear();
    this.#stored.clear();
  }

  /** Of keys what is written for them, as it is now; `write` may be rejected. What changes meanwhile has changed since. */
  async save(
    entries: ReadonlyMap<string, Uint8Array | undefined>,
    write: () => Promise<void>,
  ): Promise<void> {
    const added: string[] = [];
    for (const [key, value] of entries) {
      this.#changed.delete(key);
      this.#gone.delete(key);
      if (value && !this.#stored.has(key)) added.push(key);
      if (value) this.#stored.add(key);
    }
    try {
      await write();
    } catch (error) {
      for (const key of added) this.#stored.delete(key);
      for (const [key, value] of entries) this.#retry(key, value !== undefined);
      throw error;
    }
    for (const [key, value] of entries) {
      if (value) continue;
      this.#stored.delete(key);
      this.#gone.delete(key); // where it lived for a moment
    }
  }

  #retry(key: string, lived: boolean): void {
    const [hasChanged, isGone] = [this.#changed.has(key), this.#gone.has(key)];
    if (isGone && !this.#stored.has(key)) this.#gone.delete(key);
    if (hasChanged || isGone) return; // since then
    if (lived) this.#changed.add(key);
    else this.#gone.add(key);
  }
}
