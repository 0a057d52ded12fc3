import { setImmediate } from 'node:timers/promises';
import type { Host, Task } from '../../component.ts';
import type { Store, StoreEntry } from '../../store.ts';
import { messageOf } from '../../telemetry/health.ts';
import { seconds } from '../../telemetry/units.ts';
import { findingCounters } from './emits.ts';
import type { Change, Findings } from './findings.ts';
import type { Histories } from './histories.ts';
import type { StoredHistory } from './history.ts';
import { openFinding, type StoredFinding, storedFinding } from './stored-finding.ts';
import { Unsaved } from './unsaved.ts';
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
  /** By id. */
  readonly #unsavedFindings = new Unsaved();
  /** By workload. */
  readonly #unsavedHistories = new Unsaved();
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
    for (const [key] of restored) this.#unsavedHistories.found(key);
    for (const { id } of open) this.#unsavedFindings.found(id);
    histories.restore(restored);
    for (const id of findings.restore(open)) this.#unsavedFindings.remove(id);
  }

  /** What a window has changed. */
  changed({ workloads }: Pick<Window, 'workloads'>, changes: readonly Change[]): void {
    const { histories } = this.#options;
    for (const { key } of workloads) if (histories.get(key)) this.#unsavedHistories.change(key);
    for (const { state, finding } of changes)
      if (state === 'end') this.#unsavedFindings.remove(finding.id);
      else this.#unsavedFindings.change(finding.id);
  }

  evicted(key: string): void {
    this.#unsavedHistories.remove(key);
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
      const unsaved = this.#unsavedFindings.size + this.#unsavedHistories.size;
      if (unsaved > 0) {
        host.counters.add(findingCounters.unsaved, unsaved, { connector: host.id });
        host.log.warn({ unsaved }, 'Histories and findings were not saved.');
      }
    }
  }

  async #saveDue(): Promise<void> {
    if (!this.#isRestored) await this.#restore();
    if (this.#options.host.clock.elapsed() - this.#savedAt >= saveInterval) await this.save();
    else if (this.#unsavedFindings.size > 0) await this.#saveFindings();
  }

  /** All of it. */
  async save(): Promise<void> {
    if (!this.#isRestored) await this.#restore();
    const { findings, histories, host } = this.#options;
    for (const { id } of findings.open()) this.#unsavedFindings.change(id);
    await this.#saveFindings();
    await this.#save(this.#unsavedHistories, historyPrefix, () => (key) => histories.get(key)?.stored());
    this.#savedAt = host.clock.elapsed();
  }

  async #saveFindings(): Promise<void> {
    await this.#save(this.#unsavedFindings, findingPrefix, () => {
      const open = new Map(this.#options.findings.open().map((finding) => [finding.id, finding]));
      return (id) => {
        const finding = open.get(id);
        return finding && storedFinding(finding);
      };
    });
  }

  /** Other work goes on between the transactions. What could not be written is left for the next time. */
  async #save(
    unsaved: Unsaved,
    prefix: string,
    now: () => (key: string) => object | undefined,
  ): Promise<void> {
    if (this.#isForeign) await this.#clear();
    const keys = unsaved.keys();
    for (let from = 0; from < keys.length; from += chunk) {
      const storedOf = now();
      const entries = new Map(
        keys.slice(from, from + chunk).map((key) => [key, bytesOfJson(storedOf(key))] as const),
      );
      const changes = Array.from(entries, ([key, value]) => ({ key: prefix + key, value }));
      await unsaved.save(entries, () =>
        this.#store.apply([{ key: formatKey, value: bytesOf(format) }, ...changes]),
      );
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
    for (const unsaved of [this.#unsavedFindings, this.#unsavedHistories]) unsaved.cleared();
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

const bytesOfJson = (value: object | undefined) => value && bytesOf(JSON.stringify(value));
const bytesOf = (text: string): Uint8Array => Buffer.from(text);
const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString();
