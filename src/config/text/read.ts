import type { Problem } from '../config-error.ts';
import type { Gates } from '../gates.ts';
import { type Parsed, parseYaml } from './parse.ts';
import { isScheme, type Retrieved, type Retriever, schemeOf, unknownScheme } from './retrieve.ts';
import { parseSet } from './set.ts';
import { type Appended, type MapTree, mergeTrees, type Tree } from './tree.ts';

export interface ConfigSources {
  /** Paths, `scheme:…`, or `-` for standard input; a later one overrides an earlier one. */
  readonly files: readonly string[];
  /** `key::key=value` each, applied after all files. */
  readonly sets: readonly string[];
  /** `a,-b,+c` each. */
  readonly featureGates?: readonly string[];
}

interface Whole {
  /** Absent where a part cannot be read at all. */
  readonly tree?: Tree;
  /** Each part that can be read. */
  readonly trees: readonly Tree[];
  /** Wrong, but no reason not to look further. */
  readonly problems: readonly Problem[];
}

/** One tree of all that was written. */
export function readTree(
  { files, sets }: ConfigSources,
  { retriever, gates }: { readonly retriever: Retriever; readonly gates: Gates },
): Whole {
  if (files.length === 0)
    return {
      trees: [],
      problems: [{ message: 'at least one config flag must be provided: add --config FILE' }],
    };
  const problems: Problem[] = [];
  const trees: Tree[] = [];
  let isWhole = true;
  const add = (parsed: Parsed) => {
    problems.push(...parsed.problems);
    if (parsed.tree) trees.push(parsed.tree);
    else isWhole = false;
  };
  for (const file of files) add(parseConfig(retrieveConfig(file, retriever)));
  for (const set of sets) add(parseSet(set));
  const [first, ...others] = trees;
  if (!isWhole || first === undefined) return { trees, problems };
  const appended = gates.has('confmap.enableMergeAppendOption') ? isListOfComponents : undefined;
  const tree = others.reduce((under, over) => mergeTrees(under, over, appended), first);
  return { tree, trees, problems };
}

/** Not the processors of a pipeline, whose order has a meaning. */
const isListOfComponents: Appended = (path) =>
  /^service\n(extensions|pipelines\n.+\n(receivers|exporters))$/.test(path.join('\n'));

/** What one `--config` names. */
function retrieveConfig(uri: string, retriever: Retriever): Retrieved {
  if (uri === '-') return retriever.stdin();
  const [scheme, rest] = schemeOf(uri) ?? ['file', uri];
  if (!isScheme(scheme)) {
    const message = `--config ${uri}: ${unknownScheme(scheme)}; a file of this name is written file:${uri}`;
    return { problems: [{ message }] };
  }
  switch (scheme) {
    case 'file':
      return retriever.file(rest);
    case 'yaml':
      return retriever.text('--config yaml', rest);
    case 'env': {
      const text = retriever.environment[rest];
      if (text !== undefined) return retriever.text(uri, text);
      return { problems: [{ message: `cannot read ${uri}: there is no such environment variable` }] };
    }
    case 'http':
    case 'https':
      return retriever.url(uri);
  }
}

function parseConfig({ source, problems: unreadable }: Retrieved): Parsed {
  if (source === undefined) return { problems: unreadable };
  const { tree, problems } = parseYaml(source);
  const start = { source, start: 0, end: 1 };
  if (tree?.kind === 'scalar' && tree.value === null)
    return { problems: [{ message: 'empty configuration file', at: start }] };
  if (tree && tree.kind !== 'map') {
    const message = 'the configuration must be keys and values: receivers, exporters, service, …';
    return { problems: [...problems, { message, at: start }] };
  }
  return { ...(tree && { tree: withPaths(tree) }), problems };
}

/** A key of the top level may be the path of one below, as in `exporters::debug::verbosity: normal`. */
function withPaths(tree: MapTree): Tree {
  if (![...tree.entries.keys()].some((name) => name.includes('::'))) return tree;
  const parts = [...tree.entries].map(([name, { key, value }]) =>
    name.split('::').reduceRight<Tree>(
      (inner, step) => ({
        kind: 'map',
        at: key,
        entries: new Map([[step, { key, value: inner }]]),
      }),
      value,
    ),
  );
  return parts.reduce((under, over) => mergeTrees(under, over));
}
