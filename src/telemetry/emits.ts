/**
 * What a component declares that it emits; `docs/METRICS.md` is generated from it. Key or name, unit and meaning of a
 * thing stand in one value, which the code that emits it uses: an undeclared name cannot be written by mistake.
 */
export interface Emits {
  readonly metrics?: readonly Metric[];
  readonly events?: readonly Event[];
  /** Beside those that its metrics and events list. */
  readonly attributes?: readonly Attribute[];
  readonly counters?: readonly CounterMetric[];
}

export interface Attribute<Key extends string = string> {
  readonly key: Key;
  readonly meaning: string;
}

export const attribute = <Key extends string>(key: Key, meaning: string): Attribute<Key> => ({
  key,
  meaning,
});

export type MetricKind = 'sum' | 'gauge' | 'exponential_histogram';

/** What the descriptor of a metric is made of. */
export interface Instrument {
  readonly name: string;
  readonly kind: MetricKind;
  /** UCUM. */
  readonly unit: string;
  readonly meaning: string;
  /** A count that is not whole, as of CPUs. */
  readonly hasParts?: true;
}

export interface Metric extends Instrument {
  readonly attributes: readonly Attribute[];
}

export interface Event {
  readonly name: string;
  readonly meaning: string;
  readonly attributes: readonly Attribute[];
}

/** A counter of the agent about itself. A gauge is the level of its counter, a sum what was added to it. */
export interface CounterMetric extends Instrument {
  readonly kind: 'sum' | 'gauge';
  /** Whether each count is data lost. */
  readonly isLoss: boolean;
}

export const counter = (of: Omit<CounterMetric, 'kind'>): CounterMetric => ({ ...of, kind: 'sum' });

export const level = (of: Omit<CounterMetric, 'kind' | 'isLoss'>): CounterMetric => ({
  ...of,
  kind: 'gauge',
  isLoss: false,
});

/** Reasons with their meanings, for the meaning of a counter. */
export const listed = (reasons: Readonly<Record<string, string>>) =>
  Object.entries(reasons)
    .map(([reason, meaning]) => (meaning === '' ? `\`${reason}\`` : `\`${reason}\` (${meaning})`))
    .join('; ');
