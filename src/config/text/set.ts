import { type Parsed, parseYaml } from './parse.ts';
import type { Source } from './source.ts';
import type { Tree } from './tree.ts';

/** `a::b=value` or `a.b=value`, the value being YAML, as a tree to merge over the files. */
export function parseSet(text: string): Parsed {
  const source: Source = { name: '--set', text };
  const equals = text.indexOf('=');
  const at = (start: number, end: number) => ({ source, start, end });
  if (equals < 0)
    return {
      problems: [{ message: 'missing equal sign: write --set key::key=value', at: at(0, text.length) }],
    };
  const key = text.slice(0, equals);
  const path = key.split(key.includes('::') ? '::' : '.');
  if (path.includes(''))
    return { problems: [{ message: 'a key before the equal sign is empty', at: at(0, equals) }] };
  const { tree, problems } = parseYaml(source, equals + 1);
  if (tree === undefined) return { problems };
  const keyAt = at(0, equals);
  const whole = path.reduceRight<Tree>(
    (value, name) => ({ kind: 'map', at: keyAt, entries: new Map([[name, { key: keyAt, value }]]) }),
    tree,
  );
  return { tree: whole, problems };
}
