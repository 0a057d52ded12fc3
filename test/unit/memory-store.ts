import type { LateChange, Store, StoreChange, StoreEntry, StoreRange } from '../../src/store.ts';

/** A store as long as the test; it can be made to fail, and to show what a change did. */
export class MemoryStore implements Store {
  readonly bytes = new Map<string, Uint8Array>();
  /** What each call is rejected with. */
  failure: Error | undefined;
  isClosed = false;
  applied = 0;
  /** Until then a change is not applied; it is rejected at once. */
  late: Promise<void> | undefined;

  async get(key: string): Promise<Uint8Array | undefined> {
    this.#check();
    return this.bytes.get(key);
  }

  async entries({ from = '', before, limit }: StoreRange): Promise<readonly StoreEntry[]> {
    this.#check();
    return [...this.bytes]
      .filter(([key]) => key >= from && (before === undefined || key < before))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, limit)
      .map(([key, value]) => ({ key, value }));
  }

  async apply(changes: readonly StoreChange[]): Promise<void> {
    this.#check();
    if (this.late) {
      const applied = this.late.then(() => this.#apply(changes)).then(() => true);
      const late: LateChange = { applied };
      throw Object.assign(new Error('the disk does not answer'), late);
    }
    this.#apply(changes);
  }

  #apply(changes: readonly StoreChange[]): void {
    this.applied++;
    for (const { key, value } of changes)
      if (value) this.bytes.set(key, value);
      else this.bytes.delete(key);
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  #check(): void {
    if (this.failure) throw this.failure;
    if (this.isClosed) throw new Error('the store is closed');
  }
}
