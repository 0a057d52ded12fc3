import { DDSketch } from '@datadog/sketches-js';
import type { UnixNanoseconds } from '../../telemetry/units.ts';

/** What is usual for a workload. */
export interface Baseline {
  /** Median of the p99 of its windows, seconds. */
  readonly p99: number;
  /** Half the range in which the middle half of them lies, seconds. */
  readonly spread: number;
  readonly windows: number;
  readonly source: 'recent' | 'hour_of_week';
}

export interface BaselineSettings {
  /** Fewer are not what is usual. */
  readonly minWindows: number;
  /** Whether the same hour of the week counts, where it is known. */
  readonly seasonal: boolean;
}

/** How the part of its runnable time that a workload waits has moved. */
export interface Trend {
  /** Robust slope (Theil-Sen): change of the part in a minute. */
  readonly perMinute: number;
  readonly direction: 'rising' | 'falling' | 'steady';
}

const hourNanoseconds = 3_600_000_000_000n;
const hoursInWeek = 168;
/** Windows of which the trend is made. */
const trendWindows = 60;
/** A sketch's error of a quantile, relative. */
const relativeAccuracy = 0.02;
/** Of the newest week in the usual value of an hour. */
const newestWeek = 0.5;
/** Fewer windows tell no trend. */
const fewestForTrend = 12;

/** A history as JSON can hold it; typed arrays as base64 of their bytes. */
export interface StoredHistory {
  /** The end of its newest window. */
  readonly seen: string;
  readonly hour: string;
  readonly current: StoredSketch;
  readonly previous: StoredSketch;
  readonly hours?: string;
  /** Of the windows of the trend, the oldest first. */
  readonly times: string;
  readonly shares: string;
}

interface StoredSketch {
  readonly zeros: number;
  /** Number of each bin that is not empty, with its count. */
  readonly bins: readonly (readonly [number, number])[];
}

/** Usual waiting of one workload: this hour and the one before as sketches, the hours of the week as medians. */
export class History {
  readonly #settings: BaselineSettings;
  #hour = -1n;
  #current = new DDSketch({ relativeAccuracy });
  #previous = new DDSketch({ relativeAccuracy });
  /** Median and spread of each hour of the week, as pairs; NaN: not known. */
  #hours: Float32Array | undefined;
  readonly #times = new Float64Array(trendWindows);
  readonly #shares = new Float32Array(trendWindows);
  #added = 0;
  #seen = 0n;

  constructor(settings: BaselineSettings, stored?: StoredHistory) {
    this.#settings = settings;
    if (!stored) return;
    this.#seen = BigInt(stored.seen);
    this.#hour = BigInt(stored.hour);
    this.#current = sketchOf(stored.current);
    this.#previous = sketchOf(stored.previous);
    if (stored.hours !== undefined) this.#hours = new Float32Array(bytesOf(stored.hours));
    const shares = new Float32Array(bytesOf(stored.shares)).subarray(-trendWindows);
    this.#shares.set(shares);
    this.#times.set(new Float64Array(bytesOf(stored.times)).subarray(-trendWindows));
    this.#added = shares.length;
  }

  stored(): StoredHistory {
    const oldest = this.#added > trendWindows ? this.#added % trendWindows : 0;
    const count = Math.min(this.#added, trendWindows);
    const inOrder = <T extends Float32Array | Float64Array>(of: T) =>
      textOf(of.map((_, index) => of[(oldest + index) % trendWindows] ?? 0).subarray(0, count));
    return {
      ...{ seen: String(this.#seen), hour: String(this.#hour) },
      ...{ current: storedSketch(this.#current), previous: storedSketch(this.#previous) },
      ...(this.#hours && { hours: textOf(this.#hours) }),
      ...{ times: inOrder(this.#times), shares: inOrder(this.#shares) },
    };
  }

  /** `p99` in seconds, undefined: nothing waited; `share`: the part of its runnable time that it waited. */
  add(
    at: UnixNanoseconds,
    { p99, share }: { readonly p99: number | undefined; readonly share: number },
  ): void {
    this.#seen = at;
    this.#turnTo(at / hourNanoseconds);
    if (p99 !== undefined) this.#current.accept(p99);
    const slot = this.#added++ % trendWindows;
    this.#times[slot] = Number(at / 1_000_000n) / 60_000;
    this.#shares[slot] = share;
  }

  baseline(at: UnixNanoseconds): Baseline | undefined {
    const { minWindows, seasonal } = this.#settings;
    const usual = seasonal ? this.#usualAt(hourOfWeek(at / hourNanoseconds)) : undefined;
    if (usual) return usual;
    const both = new DDSketch({ relativeAccuracy });
    both.merge(this.#previous);
    both.merge(this.#current);
    return both.count < minWindows ? undefined : { ...summary(both), source: 'recent' };
  }

  /** Undefined: too few windows. */
  trend(): Trend | undefined {
    const count = Math.min(this.#added, trendWindows);
    if (count < fewestForTrend) return undefined;
    const slopes = new Float64Array((count * (count - 1)) / 2);
    let found = 0;
    for (let i = 0; i < count; i++)
      for (let j = 0; j < i; j++) {
        const minutes = (this.#times[i] ?? 0) - (this.#times[j] ?? 0);
        if (minutes !== 0) slopes[found++] = ((this.#shares[i] ?? 0) - (this.#shares[j] ?? 0)) / minutes;
      }
    const sorted = slopes.subarray(0, found).sort();
    const at = (part: number) => sorted[Math.floor(part * (found - 1))] ?? 0;
    // a trend is one that three quarters of the pairs of windows agree on
    const direction = at(0.25) > 0 ? 'rising' : at(0.75) < 0 ? 'falling' : 'steady';
    return { perMinute: at(0.5), direction };
  }

  #turnTo(hour: bigint): void {
    if (hour === this.#hour) return;
    if (this.#current.count >= this.#settings.minWindows) this.#remember(hourOfWeek(this.#hour));
    this.#previous = hour === this.#hour + 1n ? this.#current : new DDSketch({ relativeAccuracy });
    this.#current = new DDSketch({ relativeAccuracy });
    this.#hour = hour;
  }

  #remember(hour: number): void {
    this.#hours ??= new Float32Array(2 * hoursInWeek).fill(Number.NaN);
    const { p99, spread } = summary(this.#current);
    for (const [at, value] of [p99, spread].entries()) {
      const before = this.#hours[2 * hour + at] ?? Number.NaN;
      this.#hours[2 * hour + at] = Number.isNaN(before) ? value : before + newestWeek * (value - before);
    }
  }

  #usualAt(hour: number): Baseline | undefined {
    const [p99 = Number.NaN, spread = Number.NaN] = this.#hours?.subarray(2 * hour) ?? [];
    return Number.isNaN(p99) ? undefined : { p99, spread, windows: 0, source: 'hour_of_week' };
  }
}

function summary(of: DDSketch): Omit<Baseline, 'source'> {
  const at = (quantile: number) => of.getValueAtQuantile(quantile);
  return { p99: at(0.5), spread: (at(0.75) - at(0.25)) / 2, windows: of.count };
}

function storedSketch({ zeroCount, store: { bins, offset } }: DDSketch): StoredSketch {
  return {
    zeros: zeroCount,
    bins: bins.flatMap((count, index) => (count > 0 ? [[index + offset, count] as const] : [])),
  };
}

function sketchOf({ zeros, bins }: StoredSketch): DDSketch {
  const sketch = new DDSketch({ relativeAccuracy });
  if (zeros > 0) sketch.accept(0, zeros);
  for (const [bin, count] of bins) sketch.accept(sketch.mapping.value(bin), count);
  return sketch;
}

const textOf = ({ buffer, byteOffset, byteLength }: Float32Array | Float64Array) =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');

/** In a buffer of their own, as typed arrays need them. */
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64')).buffer;

const hourOfWeek = (hour: bigint) => Number(hour % BigInt(hoursInWeek));
