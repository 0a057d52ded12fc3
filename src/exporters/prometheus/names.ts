/**
 * Names of OpenTelemetry as those of Prometheus, exactly as its own receiver of OTLP makes them by default: same
 * strategies, same order of suffixes.
 */

export const strategies = [
  'UnderscoreEscapingWithSuffixes',
  'UnderscoreEscapingWithoutSuffixes',
  'NoUTF8EscapingWithSuffixes',
  'NoTranslation',
] as const;

export type Strategy = (typeof strategies)[number];

export interface Naming {
  /** Put before each name; empty: nothing. */
  readonly namespace: string;
  readonly strategy: Strategy;
}

/** `sum`: one that also falls, which Prometheus shows as a gauge, and names as none. */
export type NamedType = 'counter' | 'gauge' | 'sum' | 'histogram' | 'summary';

interface Named {
  readonly name: string;
  readonly unit: string;
  readonly type: NamedType;
}

export const allowsUtf8 = (strategy: Strategy) =>
  strategy === 'NoUTF8EscapingWithSuffixes' || strategy === 'NoTranslation';

/** Undefined: nothing of the name can be one. */
export function metricName(metric: Named, naming: Naming): string | undefined {
  const name = translated(metric, naming);
  return name === metric.name && name !== '' ? name : usable(name);
}

function translated(metric: Named, { namespace, strategy }: Naming): string {
  switch (strategy) {
    case 'UnderscoreEscapingWithSuffixes':
      return startingWithLetter([...joined(parts(namespace)), ...withSuffixes(metric)].join('_'));
    case 'UnderscoreEscapingWithoutSuffixes':
      return startingWithLetter([...parts(namespace), ...parts(metric.name)].join('_'));
    case 'NoUTF8EscapingWithSuffixes':
      return suffixed({ ...metric, name: prefixed(metric.name, namespace) });
    case 'NoTranslation':
      return prefixed(metric.name, namespace);
  }
}

/** Of an attribute's key. Undefined: nothing of it can be one. */
export function labelName(key: string, strategy: Strategy): string | undefined {
  if (allowsUtf8(strategy)) return usable(key);
  const name = key.replace(/[^a-zA-Z0-9]/gu, '_');
  if (/^\d/.test(name)) return `key_${name}`;
  return usable(/^_(?!_)/.test(name) ? `key${name}` : name);
}

/** What a reader that cannot read all characters gets of a name: Prometheus's scheme `underscores`. */
export const escapedName = (name: string) => name.replace(/^\d|[^a-zA-Z0-9_:]/gu, '_');
export const escapedLabel = (name: string) => name.replace(/^\d|[^a-zA-Z0-9_]/gu, '_');

const usable = (name: string) => (/[^_]/.test(name) ? name : undefined);

const startingWithLetter = (name: string) => name.replace(/^\d/, '_$&');

const tokens = (name: string) => name.split(/[^a-zA-Z0-9:]+/).filter((token) => token !== '');
const parts = (name: string) => name.split(/[^a-zA-Z0-9:_]+/).filter((part) => part !== '');
const joined = (names: readonly string[]) => (names.length > 0 ? [names.join('_')] : []);
const prefixed = (name: string, namespace: string) => (namespace === '' ? name : `${namespace}_${name}`);

function withSuffixes({ name, unit, type }: Named): readonly string[] {
  const words = tokens(name);
  const { main, per } = unitsOf(unit);
  const [mainWord, perWord] = [asWord(main), asWord(per).replace(/_$/, '')];
  const isNew = (word: string) => word !== '' && !words.includes(word);
  const suffixes = [isNew(mainWord) ? mainWord : '', perWord !== 'per' && isNew(perWord) ? perWord : ''];
  if (suffixes[1] !== '') suffixes[0] = `${suffixes[0]}`.replace(/_$/, '');
  const all = [...words, ...suffixes.filter((suffix) => suffix !== '')];
  if (type === 'counter') return [...all.filter((word) => word !== 'total'), 'total'];
  return type === 'gauge' && unit === '1' ? [...all.filter((word) => word !== 'ratio'), 'ratio'] : all;
}

/** The same suffixes, behind a name with any characters. */
function suffixed({ name, unit, type }: Named): string {
  const last = type === 'counter' ? 'total' : type === 'gauge' && unit === '1' ? 'ratio' : '';
  const { main, per } = unitsOf(unit);
  const base = withoutEnd(withoutEnd(name, last), per);
  const inner = main === '' || base.endsWith(main) ? base : `${base}_${main}`;
  return [inner, per, last].filter((suffix) => suffix !== '').join('_');
}

const withoutEnd = (name: string, end: string) =>
  end !== '' && name.endsWith(end) && name.length > end.length + 1 ? name.slice(0, -(end.length + 1)) : name;

const units: Readonly<Record<string, string>> = {
  ...{ d: 'days', h: 'hours', min: 'minutes', s: 'seconds' },
  ...{ ms: 'milliseconds', us: 'microseconds', ns: 'nanoseconds' },
  ...{ By: 'bytes', KiBy: 'kibibytes', MiBy: 'mebibytes', GiBy: 'gibibytes', TiBy: 'tibibytes' },
  ...{ KBy: 'kilobytes', MBy: 'megabytes', GBy: 'gigabytes', TBy: 'terabytes' },
  ...{ m: 'meters', V: 'volts', A: 'amperes', J: 'joules', W: 'watts', g: 'grams' },
  ...{ Cel: 'celsius', Hz: 'hertz', '1': '', '%': 'percent' },
};

const unitsPer: Readonly<Record<string, string>> = {
  ...{ s: 'second', m: 'minute', h: 'hour', d: 'day', w: 'week', mo: 'month', y: 'year' },
};

/** `By/s` is `bytes` and `per_second`; parts in braces are no units. */
function unitsOf(unit: string): { readonly main: string; readonly per: string } {
  const [main = '', per = ''] = unit.split(/\/(.*)/s).map((part) => part.trim());
  const known = (table: Readonly<Record<string, string>>, part: string) =>
    /[{}]/.test(part) ? '' : Object.hasOwn(table, part) ? `${table[part]}` : part;
  const perName = known(unitsPer, per);
  return { main: known(units, main), per: perName && `per_${perName}` };
}

const asWord = (unit: string) =>
  unit
    .replace(/[^a-zA-Z0-9:]/gu, '_')
    .replace(/_+/g, '_')
    .replace(/^_/, '');
