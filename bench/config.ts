/**
 * What does it cost to check a large configuration, beside reading its YAML?
 *
 *     bench/config.ts [--rounds 5]
 *
 * CPU time of `loadConfig`, which is what `validate` does, and of planning the graph, as ratios to the YAML library's own
 * parser over the same text in the same round; minimum, median and maximum. The files are as large as one may be, 1 MiB, or
 * chain thousands of pipelines.
 */
import { parseArgs } from 'node:util';
import { parseDocument } from 'yaml';
import { components } from '../src/components.ts';
import { ConfigError } from '../src/config/config-error.ts';
import { loadConfig } from '../src/config/load.ts';
import { maxBytes } from '../src/config/text/decode.ts';
import { planGraph } from '../src/runtime/plan-graph.ts';
import { keepResult, setting } from './rounds.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
const rounds = Number(values.rounds);

const lines = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => `${line(index)}\n`).join('');

const withUnused = (count: number) => `receivers:
  agent:
${lines(count, (i) => `  agent/unused_component_${i}:`)}exporters: {debug: }
service: {pipelines: {metrics: {receivers: [agent], exporters: [debug]}}}
`;

const chained = (count: number) => `receivers: {agent: }
exporters: {debug: }
connectors:
${lines(count, (i) => `  forward/${i}:`)}service:
  pipelines:
    metrics: {receivers: [agent], exporters: [forward/0]}
${lines(count, (i) => `    metrics/${i}: {receivers: [forward/${i}], exporters: [${i === count - 1 ? 'debug' : `forward/${i + 1}`}]}`)}`;

const fannedOut = (count: number) => `receivers: {agent: }
exporters: {debug: }
service:
  pipelines:
${lines(count, (i) => `    metrics/${i}: {receivers: [agent], exporters: [debug]}`)}`;

const wrong = (count: number) => `receivers:
  agent:
${lines(count, (i) => `  agent/${i}: {interval: soon}`)}exporters: {debug: }
service: {pipelines: {metrics: {receivers: [agent], exporters: [debug]}}}
`;

const texts: Readonly<Record<string, string>> = {
  'unused components, 32,000': withUnused(32_000),
  'chained pipelines, 2,500': chained(2500),
  'chained pipelines, 5,000': chained(5000),
  'pipelines of one receiver, 5,000': fannedOut(5000),
  'components with an error each, 25,000': wrong(25_000),
};

/** In milliseconds. */
function cpuOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const load = (text: string) =>
  loadConfig({ files: ['a.yaml'], sets: [], environment: {}, readFile: () => text }, components);

function check(text: string): void {
  try {
    load(text);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
  }
}

function plan(text: string): () => void {
  try {
    const config = load(text);
    return () => planGraph(config);
  } catch {
    return () => {};
  }
}

interface Row {
  readonly parse: number;
  readonly check: number;
  readonly plan: number;
}

const spread = (values: readonly number[]) => {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number) => (sorted[index] ?? Number.NaN).toFixed(2);
  return `${at(Math.floor(sorted.length / 2))} (${at(0)} to ${at(sorted.length - 1)})`;
};

check(withUnused(10)); // compiles the schema
console.log(`${setting.machine}, Linux ${setting.kernel}, Node.js ${process.version}, ${rounds} rounds`);
console.log('file | KiB | parsing, ms of CPU | checking / parsing | planning / parsing');
const results: Record<string, readonly Row[]> = {};
for (const [name, text] of Object.entries(texts)) {
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) throw new Error(`${name} is larger than a configuration may be: ${bytes} bytes`);
  const planned = plan(text);
  const rows = Array.from(
    { length: rounds },
    (): Row => ({
      parse: cpuOf(() => parseDocument(text, { merge: true, uniqueKeys: false, prettyErrors: false })),
      check: cpuOf(() => check(text)),
      plan: cpuOf(planned),
    }),
  );
  results[name] = rows;
  console.log(
    [
      ...[name, (bytes / 1024).toFixed(0), spread(rows.map(({ parse }) => parse))],
      ...[spread(rows.map((row) => row.check / row.parse)), spread(rows.map((row) => row.plan / row.parse))],
    ].join(' | '),
  );
}
const tenMegabytes = withUnused(310_000);
console.log(
  `a file of ${(tenMegabytes.length / 1e6).toFixed(1)} MB is refused after ${cpuOf(() => check(tenMegabytes)).toFixed(1)} ms of CPU`,
);
keepResult('config', { rounds: results });
