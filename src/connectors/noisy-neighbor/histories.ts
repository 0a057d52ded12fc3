import type { UnixNanoseconds } from '../../telemetry/units.ts';
import type { NoisyNeighborConfig } from './config.ts';
import { type Baseline, History, type Trend } from './history.ts';
import type { Window } from './window.ts';

/** What is usual for each workload; the ones seen last, at most `max_workloads`. */
export class Histories {
  readonly #config: NoisyNeighborConfig;
  readonly #onEvicted: () => void;
  /** In the order in which they were seen last. */
  readonly #byKey = new Map<string, History>();

  constructor(config: NoisyNeighborConfig, onEvicted: () => void) {
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
    for (const key of this.#byKey.keys()) {
      if (this.#byKey.size <= this.#config.max_workloads) return;
      this.#byKey.delete(key);
      this.#onEvicted();
    }
  }

  baseline(key: string, at: UnixNanoseconds): Baseline | undefined {
    return this.#byKey.get(key)?.baseline(at);
  }

  trend(key: string): Trend | undefined {
    return this.#byKey.get(key)?.trend();
  }

  #newHistory(): History {
    const { min_windows: minWindows, seasonal } = this.#config.baseline;
    return new History({ minWindows, seasonal });
  }
}
