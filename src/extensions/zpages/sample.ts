import type { Closable, ExtensionHost, GraphEdge } from '../../component.ts';
import { type Batch, itemCount, splitBatch } from '../../telemetry/batch.ts';
import { seconds } from '../../telemetry/units.ts';
import type { Page } from './pages.ts';

/** Longer than the usual interval of a receiver. */
const longestWait = seconds(30);
const mostItems = 20;
const mostText = 64 * 1024;

/** The next batch that passes an edge, or that none came, or none until the client left. Rejects where there is no such edge. */
export async function samplePage(
  edge: GraphEdge,
  left: AbortSignal,
  { agent, endsWithin }: Pick<ExtensionHost, 'agent' | 'endsWithin'>,
): Promise<Page> {
  const next = Promise.withResolvers<Batch | undefined>();
  const tap: Closable = agent.tap(edge, next.resolve);
  left.addEventListener('abort', () => next.resolve(undefined));
  try {
    const batch = (await endsWithin(longestWait, next.promise)) ? await next.promise : undefined;
    const { from, to, signal } = edge;
    const page = { title: `Next batch of ${signal} from ${from} to ${to}` };
    if (batch === undefined) return { ...page, tables: {}, text: 'None came within 30s.' };
    const items = itemCount(batch);
    const [part = batch] = splitBatch(batch, mostItems);
    const shown = itemCount(part);
    return { ...page, tables: { batch: [{ items, shown }] }, text: textOf(part) };
  } finally {
    await tap.close();
  }
}

function textOf(batch: Batch): string {
  const text = JSON.stringify(batch, plain, 2);
  return text.length > mostText ? `${text.slice(0, mostText)}…` : text;
}

/** Of a resource of the SDK its attributes alone; integers of 64 bits as text; typed arrays as lists. */
function plain(key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (ArrayBuffer.isView(value)) return [...(value as Uint32Array)];
  if (key === 'resource') return (value as { attributes?: unknown }).attributes;
  return value;
}
