import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The kernel's own figures of a cgroup's quota, sampled while the agent measures. */

const everyMs = 100;
/** So far may the time of a point be from when the agent read the file; the kernel adds up at the end of a period. */
export const skewMs = 100;

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

  /** Throttled since the first sample, s. */
  get seconds(): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    return first && last ? last.seconds - first.seconds : 0;
  }

  /** At least and at most so many seconds passed between two times of `Date.now()`: both may lie between samples. */
  between(from: number, to: number): { readonly least: number; readonly most: number } {
    return {
      least: this.#around(to - skewMs).before - this.#around(from + skewMs).after,
      most: this.#around(to + skewMs).after - this.#around(from - skewMs).before,
    };
  }

  #around(time: number): { readonly before: number; readonly after: number } {
    const i = this.#samples.findIndex((sample) => sample.time > time);
    const [before, after] = [this.#samples[i - 1], this.#samples[i]];
    if (!before || !after) {
      const [first, last] = [this.#samples[0]?.time, this.#samples.at(-1)?.time];
      throw new Error(`cannot interpolate ${this.#file} at ${time}: it was sampled from ${first} to ${last}`);
    }
    return { before: before.seconds, after: after.seconds };
  }

  #sample(): void {
    let text: string;
    try {
      text = readFileSync(this.#file, 'utf8');
    } catch {
      return; // the cgroup is gone, and `between` says so
    }
    const nanoseconds = /^throttled_time (\d+)$/m.exec(text)?.[1];
    const microseconds = /^throttled_usec (\d+)$/m.exec(text)?.[1];
    const seconds = nanoseconds ? Number(nanoseconds) / 1e9 : Number(microseconds) / 1e6;
    this.#samples.push({ time: Date.now(), seconds });
  }
}
