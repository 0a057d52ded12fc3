import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { parse } from 'yaml';
import { type ConfigOptions, withConfig } from '../../../../src/cli/config-options.ts';
import { explain } from '../../../../src/cli/output.ts';
import { components } from '../../../../src/components.ts';
import { loadWithRemote } from '../../../../src/config/remote.ts';

const kinds = ['receiver', 'processor', 'connector', 'exporter', 'extension'] as const;

/** A bad configuration, and all that `earshot validate` says of it. One of the first four is written. */
export interface Entry extends Partial<Readonly<Record<(typeof kinds)[number], string>>> {
  readonly name: string;
  /** The text of `a.yaml`. */
  readonly config?: string;
  /** Texts by name. */
  readonly files?: Readonly<Record<string, string>>;
  /** What stands in `service` beside its pipelines. */
  readonly service?: string;
  /** How texts become bytes. */
  readonly encoding?: BufferEncoding;
  /** Behind a `--config` for each file, unless they have one. */
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Of addresses, by address: the answer, or why there is none. */
  readonly fetched?: Readonly<Record<string, { readonly text: string } | { readonly reason: string }>>;
  readonly stderr?: string;
}

export const corpusFiles = globSync(fileURLToPath(new URL('./*.yaml', import.meta.url))).sort();

export const entriesIn = (file: string): readonly Entry[] =>
  (parse(readFileSync(file, 'utf8')) as readonly Entry[]).map((entry) => ({
    ...entry,
    name: `${basename(file, '.yaml')}: ${entry.name}`,
  }));

/** What the command prints of it on standard error. */
export async function stderrOf(entry: Entry): Promise<string> {
  const files = filesOf(entry);
  const words = entry.args ?? [];
  const named = words.includes('--config') ? [] : Object.keys(files).flatMap((name) => ['--config', name]);
  const { config, set, featureGates } = withConfig(new Command())
    .parse([...named, ...words], { from: 'user' })
    .opts<ConfigOptions>();
  const readFile = (path: string) => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error('none'), { code: 'ENOENT' });
    return Buffer.from(text, entry.encoding);
  };
  const fetch = async (url: string) => {
    const found = entry.fetched?.[url] ?? { reason: 'the test has no such address' };
    return 'text' in found ? { bytes: Buffer.from(found.text) } : found;
  };
  const readStdin = () => Buffer.from(entry.stdin ?? '');
  const input = { files: config, sets: set, featureGates, environment: entry.environment ?? {} };
  try {
    await loadWithRemote({ ...input, readFile, readStdin }, components, fetch);
    return '';
  } catch (error) {
    return `Error: ${explain(error)}\n`;
  }
}

function filesOf(entry: Entry): Readonly<Record<string, string>> {
  if (entry.files) return entry.files;
  const kind = kinds.find((kind) => entry[kind] !== undefined);
  const text = entry.config ?? wholeConfig(entry, kind);
  return { 'a.yaml': text };
}

/** With a component, or a part of `service`, that begins in line 3. */
function wholeConfig(entry: Entry, kind: (typeof kinds)[number] | undefined): string {
  const body = (kind ? entry[kind] : entry.service) ?? '';
  const [id = ''] = /^[^:\s]+/.exec(body) ?? [];
  const indented = body.trimEnd().replaceAll(/^/gm, '  ');
  const of = (name: string, preset: string) => (kind === name ? id : preset);
  const own = kind ? `# ${kind}\n${kind}s:\n${indented}\n` : `# service\nservice:\n${indented}\n`;
  const rest = [
    ...(kind === 'receiver' ? [] : ['receivers: {agent: }']),
    ...(kind === 'exporter' ? [] : ['exporters: {debug: }']),
  ];
  const processors = kind === 'processor' ? `, processors: [${id}]` : '';
  const connected = `metrics: {receivers: [${of('receiver', 'agent')}]${processors}, exporters: [${kind === 'connector' ? id : of('exporter', 'debug')}]}`;
  const second = kind === 'connector' ? `, metrics/out: {receivers: [${id}], exporters: [debug]}` : '';
  const extensions = kind === 'extension' ? `extensions: [${id}], ` : '';
  const pipelines = `pipelines: {${connected}${second}}`;
  return kind
    ? `${own}${rest.join('\n')}\nservice: {${extensions}${pipelines}}\n`
    : `${own}  ${pipelines}\n${rest.join('\n')}\n`;
}
