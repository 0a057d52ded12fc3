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

  constructor(settings: BaselineSettings) {
    this.#settings = settings;
  }

  /** `p99` in seconds, undefined: nothing waited; `share`: the part of its runnable time that it waited. */
  add(
    at: UnixNanoseconds,
    { p99, share }: { readonly p99: number | undefined; readonly share: number },
  ): void {
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
    const slopes: number[] = [];
    for (let i = 0; i < count; i++)
      for (let j = 0; j < i; j++) {
        const minutes = (this.#times[i] ?? 0) - (this.#times[j] ?? 0);
        if (minutes !== 0) slopes.push(((this.#shares[i] ?? 0) - (this.#shares[j] ?? 0)) / minutes);
      }
    slopes.sort((a, b) => a - b);
    const at = (part: number) => slopes[Math.floor(part * (slopes.length - 1))] ?? 0;
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

const hourOfWeek = (hour: bigint) => Number(hour % BigInt(hoursInWeek));
