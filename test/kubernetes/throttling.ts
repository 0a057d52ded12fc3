import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The kernel's own figures of a cgroup's quota, sampled while the agent measures. */

const everyMs = 100;

interface Sample {
  /** `Date.now()`. */
  readonly time: number;
  readonly seconds: number;
}

/** On v1 and v2 alike: the folder of a cgroup in the hierarchy that has quotas. */
export const cpuFolder = (path: string): string =>
  globSync('/sys/fs/cgroup/cpu/cpu.shares').length > 0
    ? join('/sys/fs/cgroup/cpu', path)
    : join('/sys/fs/cgroup', path);

export class ThrottledTime {
  readonly #file: string;
  readonly #samples: Sample[] = [];
  readonly #timer: NodeJS.Timeout;

  /** `cpu.stat`: throttled by the cgroup's own quota; `cpu.stat.local`: by its own or one above it. */
  constructor(cgroupPath: string, file: 'cpu.stat' | 'cpu.stat.local') {
    this.#file = join(cpuFolder(cgroupPath), file);
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), everyMs);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Seconds between two times of `Date.now()`, and how much they may be wrong for lying between samples. */
  between(from: number, to: number): { readonly seconds: number; readonly error: number } {
    const seconds = this.#at(to) - this.#at(from);
    return { seconds, error: (2 * everyMs) / 1000 };
  }

  #at(time: number): number {
    const after = this.#samples.findIndex((sample) => sample.time >= time);
    const next = this.#samples[after];
    const last = this.#samples[after - 1];
    if (!next || !last) throw new Error(`cannot tell what ${this.#file} was: not sampled then`);
    const part = (time - last.time) / (next.time - last.time);
    return last.seconds + part * (next.seconds - last.seconds);
  }

  #sample(): void {
    let text: string;
    try {
      text = readFileSync(this.#file, 'utf8');
    } catch {
      return; // the cgroup is gone, and `at` says so
    }
    const nanoseconds = /^throttled_time (\d+)$/m.exec(text)?.[1];
    const microseconds = /^throttled_usec (\d+)$/m.exec(text)?.[1];
    const seconds = nanoseconds ? Number(nanoseconds) / 1e9 : Number(microseconds) / 1e6;
    this.#samples.push({ time: Date.now(), seconds });
  }
}
