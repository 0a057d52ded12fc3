import { type Family, isSummary, type Sample, withoutTotal } from '../families.ts';
import { byName, type Label } from '../labels.ts';
import { escapedLabel, escapedName } from '../names.ts';
import { classicBuckets, widenBounds } from './buckets.ts';

export interface ShownAs {
  /** Each value has the time of its data point. */
  readonly timestamps: boolean;
  /** The reader takes names with any characters; other readers get `_` for what they cannot read. */
  readonly utf8: boolean;
}

export interface TextOptions extends ShownAs {
  readonly openMetrics: boolean;
}

/** Characters that are handed on at once, about. */
const chunkLength = 32 * 1024;

/** Prometheus's text format 0.0.4 (with `utf8` 1.0.0), or OpenMetrics 1.0.0. */
export function* textOf(families: readonly Family[], options: TextOptions): Generator<string> {
  let chunk = '';
  for (const family of families) {
    chunk += headOf(family, options);
    const lines = linesOf(family, options);
    for (const sample of family.samples) {
      chunk += lines(sample);
      if (chunk.length < chunkLength) continue;
      yield chunk;
      chunk = '';
    }
  }
  yield options.openMetrics ? `${chunk}# EOF\n` : chunk;
}

/** Names as the reader can read them. */
export const nameFor = (name: string, { utf8 }: ShownAs) => (utf8 ? name : escapedName(name));

export function labelsFor(labels: readonly Label[], { utf8 }: ShownAs): readonly Label[] {
  if (utf8 || labels.every(([name]) => escapedLabel(name) === name)) return labels;
  const escaped = new Map<string, string>();
  for (const [name, value] of labels) {
    const key = escapedLabel(name);
    const former = escaped.get(key);
    escaped.set(key, former === undefined ? value : `${former};${value}`);
  }
  return byName([...escaped]);
}

function headOf(family: Family, options: TextOptions): string {
  const { openMetrics } = options;
  const [name, type] = openMetrics ? openMetricsHead(family) : [family.name, family.type];
  const shown = nameFor(name, options);
  const quoted = escapedName(shown) === shown ? shown : `"${escaped(shown, /[\\\n"]/g)}"`;
  const help = escaped(family.help, openMetrics ? /[\\\n"]/g : /[\\\n]/g);
  return `# HELP ${quoted} ${help}\n# TYPE ${quoted} ${type}\n`;
}

/** OpenMetrics has suffixes in the names of values only, and no counter without one. */
function openMetricsHead({ name, type }: Pick<Family, 'name' | 'type'>): readonly [string, string] {
  if (type !== 'counter') return [name, type];
  return name.endsWith('_total') ? [withoutTotal(name), type] : [name, 'unknown'];
}

function linesOf(family: Family, options: TextOptions): (sample: Sample) => string {
  const bounds = family.type === 'histogram' ? widenBounds(family) : undefined;
  const line = (
    suffix: string,
    of: { readonly labels: readonly Label[]; readonly value: number },
    sample: Sample,
  ) =>
    `${seriesOf(nameFor(`${family.name}${suffix}`, options), of.labels)} ${numberOf(of.value)}${timeOf(sample, options)}\n`;
  return (sample) => {
    const { value } = sample;
    const labels = labelsFor(sample.labels, options);
    if (typeof value === 'number') return line('', { labels, value }, sample);
    const totals = [
      value.sum === undefined ? '' : line('_sum', { labels, value: value.sum }, sample),
      line('_count', { labels, value: value.count }, sample),
    ];
    if (isSummary(value))
      return [
        ...value.quantiles.map(({ quantile, value }) =>
          line('', { labels: [...labels, ['quantile', boundOf(quantile, options)]], value }, sample),
        ),
        ...totals,
      ].join('');
    const buckets = [
      ...classicBuckets(value, bounds),
      { bound: Number.POSITIVE_INFINITY, atMost: value.count },
    ];
    return [
      ...buckets.map(({ bound, atMost }) =>
        line('_bucket', { labels: [...labels, ['le', boundOf(bound, options)]], value: atMost }, sample),
      ),
      ...totals,
    ].join('');
  };
}

/** `name{label="value"}`; a name with other characters stands in quotes behind the brace. */
function seriesOf(name: string, labels: readonly Label[]): string {
  const isPlain = escapedName(name) === name;
  const pairs = labels.map(([key, value]) => {
    const shown = escapedLabel(key) === key ? key : `"${escaped(key, /[\\\n"]/g)}"`;
    return `${shown}="${escaped(value, /[\\\n"]/g)}"`;
  });
  if (!isPlain) return `{${[`"${escaped(name, /[\\\n"]/g)}"`, ...pairs].join(',')}}`;
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
}

const escaped = (text: string, special: RegExp) =>
  text.replace(special, (character) => (character === '\n' ? '\\n' : `\\${character}`));

function numberOf(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

/** OpenMetrics writes each bound as a number with a point. */
function boundOf(bound: number, { openMetrics }: TextOptions): string {
  const text = numberOf(bound);
  return openMetrics && /^-?\d+$/.test(text) ? `${text}.0` : text;
}

function timeOf({ end }: Sample, { timestamps, openMetrics }: TextOptions): string {
  if (!timestamps || end === undefined) return '';
  const milliseconds = millisecondsOf(end);
  return openMetrics ? ` ${(milliseconds / 1000).toFixed(3)}` : ` ${milliseconds}`;
}

export const millisecondsOf = ([seconds, nanos]: readonly [number, number]) =>
  seconds * 1000 + Math.floor(nanos / 1e6);
