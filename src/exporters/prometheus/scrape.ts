import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { formatFor } from './exposition/negotiate.ts';
import { textOf } from './exposition/text.ts';
import type { Registry } from './registry.ts';
import type { Settings } from './settings.ts';

/** Answers a scrape of `/metrics` in the format that it asks for. */
export async function answerScrape(
  request: IncomingMessage,
  response: ServerResponse,
  { registry, settings }: { readonly registry: Registry; readonly settings: Settings },
): Promise<void> {
  if (request.url?.split('?')[0] !== '/metrics') {
    response.writeHead(404, { 'Content-Type': 'text/plain' }).end('/metrics\n');
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD' }).end();
    return;
  }
  const { accept, 'accept-encoding': encodings = '' } = request.headers;
  const { kind, utf8, contentType } = formatFor(accept, { openMetrics: settings.enable_open_metrics });
  const isZipped = /(?:^|[\s,])gzip(?!\s*;\s*q=0(?:\.0*)?(?:[\s,]|$))/i.test(encodings);
  response.writeHead(200, {
    ...{ 'Content-Type': contentType, 'Cache-Control': 'no-store', Vary: 'Accept, Accept-Encoding' },
    ...(isZipped && { 'Content-Encoding': 'gzip' }),
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const options = { utf8, timestamps: settings.send_timestamps };
  const families = registry.families();
  const content =
    kind === 'protobuf'
      ? (await import('./exposition/protobuf.ts')).protobufOf(families, options)
      : textOf(families, { ...options, openMetrics: kind === 'openmetrics' });
  const chunks = Readable.from(content, { objectMode: false });
  await (isZipped ? pipeline(chunks, createGzip(), response) : pipeline(chunks, response));
}
