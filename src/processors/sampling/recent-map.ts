/** A bounded map. Beyond the bound the key that was not used for the longest time is evicted, and its value returned. */
export class RecentMap<Key, Value> {
  readonly #limit: number;
  readonly #values = new Map<Key, Value>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Uses the key. */
  get(key: Key): Value | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  /** Uses the key; returns the value evicted for it. */
  set(key: Key, value: Value): Value | undefined {
    this.#values.delete(key);
    this.#values.set(key, value);
    return this.#values.size > this.#limit ? this.evict() : undefined;
  }

  /** The value of the key that was not used for the longest time. */
  evict(): Value | undefined {
    const [[oldest, evicted] = []] = this.#values;
    if (oldest !== undefined) this.#values.delete(oldest);
    return evicted;
  }

  delete(key: Key): Value | undefined {
    const value = this.#values.get(key);
    this.#values.delete(key);
    return value;
  }

  values(): Iterable<Value> {
    return this.#values.values();
  }

  /** All values, which leave the map. */
  drain(): readonly Value[] {
    const all = [...this.#values.values()];
    this.#values.clear();
    return all;
  }
}
