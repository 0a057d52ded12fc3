import type { UnixNanoseconds } from '../../telemetry/units.ts';
import type { NoisyNeighborConfig } from './config.ts';
import { type Baseline, History, type StoredHistory, type Trend } from './history.ts';
import type { Window } from './window.ts';

/** What is usual for each workload; the ones seen last, at most `max_workloads`. */
export class Histories {
  readonly #config: NoisyNeighborConfig;
  readonly #onEvicted: (key: string) => void;
  /** In the order in which they were seen last. */
  readonly #byKey = new Map<string, History>();

  constructor(config: NoisyNeighborConfig, onEvicted: (key: string) => void) {
    this.#config = config;
    this.#onEvicted = onEvicted;
  }

  /** Of workloads with a finding the p99 is not usual, and does not count as such. */
  add({ end, workloads }: Window, withFinding: ReadonlySet<string>): void {
    for (const { key, p99, run, wait } of workloads) {
      const history = this.#byKey.get(key) ?? this.#newHistory();
      this.#byKey.delete(key);
      this.#byKey.set(key, history);
      const share = wait > 0 ? wait / (run + wait) : 0;
      history.add(end, { p99: withFinding.has(key) ? undefined : p99, share });
    }
    this.#evict();
  }

  /** Of a former run of the agent, in the order in which they were seen last. Where one cannot be decoded, none is restored. */
  restore(stored: readonly (readonly [key: string, StoredHistory])[]): void {
    const restored = stored.map(([key, history]) => [key, this.#newHistory(history)] as const);
    const sinceStart = [...this.#byKey];
    this.#byKey.clear();
    for (const [key, history] of restored) this.#byKey.set(key, history);
    for (const [key, history] of sinceStart) {
      const longer = this.#byKey.get(key);
      this.#byKey.delete(key); // to the end: it was seen later
      this.#byKey.set(key, longer ?? history);
    }
    this.#evict();
  }

  get(key: string): History | undefined {
    return this.#byKey.get(key);
  }

  baseline(key: string, at: UnixNanoseconds): Baseline | undefined {
    return this.#byKey.get(key)?.baseline(at);
  }

  trend(key: string): Trend | undefined {
    return this.#byKey.get(key)?.trend();
  }

  #evict(): void {
    for (const key of this.#byKey.keys()) {
      if (this.#byKey.size <= this.#config.max_workloads) return;
      this.#byKey.delete(key);
      this.#onEvicted(key);
    }
  }

  #newHistory(stored?: StoredHistory): History {
    const { min_windows: minWindows, seasonal } = this.#config.baseline;
    return new History({ minWindows, seasonal }, stored);
  }
}
