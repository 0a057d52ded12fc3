import type { Series } from './prometheus-server.ts';

/** Series of the text that is shown to Prometheus, read by the rules of the format. */
export function readExposition(text: string): readonly Series[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value = ''] = /^([^{ ]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (name === '') throw new Error(`not a line of the format: ${line}`);
      const pairs = [...labels.matchAll(/([^=,]+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', text = '']) => [
        key,
        unescaped(text),
      ]);
      return { labels: { __name__: name, ...Object.fromEntries(pairs) }, value: numberOf(value) };
    });
}

const unescaped = (text: string) =>
  text.replace(/\\(.)/g, (_, character) => (character === 'n' ? '\n' : character));

const numberOf = (text: string) => Number(text.replace('Inf', 'Infinity'));

/** By labels: equal lists are equal sets of series. Bounds are compared as numbers: Prometheus 3 writes `1.0` for `1`. */
export const inOrder = (series: readonly Series[]): readonly Series[] =>
  series
    .map(({ labels, ...rest }) => ({ labels: withNumbers(labels), ...rest }))
    .map((each) => ({
      key: JSON.stringify(Object.entries(each.labels).sort(([a], [b]) => (a < b ? -1 : 1))),
      each,
    }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ each }) => each);

const withNumbers = ({ le, ...labels }: Series['labels']) => ({
  ...labels,
  ...(le !== undefined && { le: `${numberOf(le)}` }),
});
