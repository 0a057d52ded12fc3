import { setImmediate } from 'node:timers/promises';
import type { Host, Store, StoreChange, StoreEntry, Task } from '../../component.ts';
import { messageOf } from '../../telemetry/health.ts';
import { seconds } from '../../telemetry/units.ts';
import { findingCounters } from './emits.ts';
import type { Change, Findings } from './findings.ts';
import type { Histories } from './histories.ts';
import type { StoredHistory } from './history.ts';
import { openFinding, type StoredFinding, storedFinding } from './stored-finding.ts';
import type { Window } from './window.ts';

/** Of what the entries hold; one of another format is discarded. */
const format = '2';
const formatKey = 'format';
const findingPrefix = 'finding/';
const historyPrefix = 'history/';

/** Between two times at which all is saved; a finding that changes is saved within a second. */
const saveInterval = seconds(300);
/** Entries in a transaction, encoded and written in one go. */
const chunk = 64;

export interface SavedStateOptions {
  readonly findings: Findings;
  readonly histories: Histories;
  readonly host: Host;
}

/** Findings and histories in a store, so that they survive a restart. */
export class SavedState {
  readonly #store: Store;
  readonly #options: SavedStateOptions;
  /** Ids of findings that began, went on in another way or ended since they were saved. */
  readonly #changedFindings = new Set<string>();
  /** Workloads that were seen or evicted since then. */
  readonly #changedHistories = new Set<string>();
  /** Until then nothing is saved: it would replace what a former run knows. */
  #isRestored = false;
  /** The store holds what cannot be decoded. */
  #isForeign = false;
  #savedAt: number;
  #closed: Promise<void> | undefined;

  constructor(store: Store, options: SavedStateOptions) {
    this.#store = store;
    this.#options = options;
    this.#savedAt = options.host.clock.elapsed();
  }

  readonly task: Task = { name: 'save', every: seconds(1), run: () => this.#saveDue() };

  /** What a former run has saved. What cannot be read is tried again by the task; what cannot be decoded is discarded. */
  async restore(): Promise<void> {
    try {
      await this.#restore();
    } catch (error) {
      this.#options.host.log.warn(
        { error: messageOf(error) },
        'Saved histories and findings cannot be read: it begins without, and tries again.',
      );
    }
  }

  /** Rejects where they cannot be read. */
  async #restore(): Promise<void> {
    const found = await this.#store.get(formatKey);
    const histories = await this.#read(historyPrefix);
    const findings = await this.#read(findingPrefix);
    try {
      if (found && textOf(found) !== format) throw new Error(`its format is ${textOf(found)}, not ${format}`);
      this.#decode({ histories, findings });
    } catch (error) {
      this.#isForeign = true;
      const { host } = this.#options;
      host.counters.add(findingCounters.discarded, 1, { connector: host.id });
      host.log.warn(
        { error: messageOf(error) },
        'Saved histories and findings cannot be used: it begins without.',
      );
    }
    this.#isRestored = true;
  }

  #decode(stored: {
    readonly histories: readonly StoreEntry[];
    readonly findings: readonly StoreEntry[];
  }): void {
    const { findings, histories } = this.#options;
    const open = stored.findings.map(({ value }) => openFinding(JSON.parse(textOf(value)) as StoredFinding)); // of this format
    const restored = stored.histories
      .map(
        ({ key, value }) =>
          [key.slice(historyPrefix.length), JSON.parse(textOf(value)) as StoredHistory] as const,
      ) // of this format
      .sort(([, a], [, b]) => Number(BigInt(a.seen) - BigInt(b.seen)));
    histories.restore(restored);
    for (const id of findings.restore(open)) this.#changedFindings.add(id);
  }

  /** What a window has changed. */
  changed({ workloads }: Pick<Window, 'workloads'>, changes: readonly Change[]): void {
    for (const { key } of workloads) this.#changedHistories.add(key);
    for (const { finding } of changes) this.#changedFindings.add(finding.id);
  }

  evicted(key: string): void {
    this.#changedHistories.add(key);
  }

  /** At once: the one that opens the store next waits for that. A save that goes on is rejected by the store. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    try {
      await this.#store.close();
    } finally {
      const { host } = this.#options;
      const unsaved = this.#changedFindings.size + this.#changedHistories.size;
      if (unsaved > 0) {
        host.counters.add(findingCounters.unsaved, unsaved, { connector: host.id });
        host.log.warn({ unsaved }, 'Histories and findings were not saved.');
      }
    }
  }

  async #saveDue(): Promise<void> {
    if (!this.#isRestored) await this.#restore();
    if (this.#options.host.clock.elapsed() - this.#savedAt >= saveInterval) await this.save();
    else if (this.#changedFindings.size > 0) await this.#saveFindings();
  }

  /** All of it. */
  async save(): Promise<void> {
    if (!this.#isRestored) await this.#restore();
    const { findings, histories, host } = this.#options;
    for (const { id } of findings.open()) this.#changedFindings.add(id);
    await this.#saveFindings();
    await this.#save(this.#changedHistories, (keys) =>
      keys.map((key) => change(historyPrefix + key, histories.get(key)?.stored())),
    );
    this.#savedAt = host.clock.elapsed();
  }

  async #saveFindings(): Promise<void> {
    await this.#save(this.#changedFindings, (ids) => {
      const open = new Map(this.#options.findings.open().map((finding) => [finding.id, finding]));
      return ids.map((id) => {
        const finding = open.get(id);
        return change(findingPrefix + id, finding && storedFinding(finding));
      });
    });
  }

  /** Other work goes on between the transactions. What could not be written stays in the set. */
  async #save(
    changed: Set<string>,
    encode: (keys: readonly string[]) => readonly StoreChange[],
  ): Promise<void> {
    if (this.#isForeign) await this.#clear();
    const keys = [...changed];
    for (let from = 0; from < keys.length; from += chunk) {
      const part = keys.slice(from, from + chunk);
      const changes = encode(part);
      for (const key of part) changed.delete(key);
      try {
        await this.#store.apply([{ key: formatKey, value: bytesOf(format) }, ...changes]);
      } catch (error) {
        for (const key of part) changed.add(key);
        throw error;
      }
      await setImmediate();
    }
  }

  async #clear(): Promise<void> {
    for (;;) {
      const entries = await this.#store.entries({ limit: chunk });
      if (entries.length === 0) break;
      await this.#store.apply(entries.map(({ key }) => ({ key, value: undefined })));
    }
    this.#isForeign = false;
  }

  async #read(prefix: string): Promise<readonly StoreEntry[]> {
    const read: StoreEntry[] = [];
    const before = `${prefix.slice(0, -1)}0`; // the character after /
    for (let from = prefix; ; ) {
      const entries = await this.#store.entries({ from, before, limit: chunk });
      read.push(...entries);
      const last = entries.at(-1);
      if (!last || entries.length < chunk) return read;
      from = `${last.key}\0`;
    }
  }
}

const change = (key: string, value: object | undefined): StoreChange => ({
  key,
  value: value && bytesOf(JSON.stringify(value)),
});
const bytesOf = (text: string): Uint8Array => Buffer.from(text);
const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString();
