import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { decodeMetrics, jsonToProtobuf, type ReceivedMetrics } from './otlp-decode.ts';

/**
 * A stand-in of this project's own, not Datadog: it applies the rules that are published for the intake of OTLP metrics
 * (https://docs.datadoghq.com/opentelemetry/setup/otlp_ingest/metrics), as this project reads them. Where a status is not
 * published, it is the usual one of HTTP.
 */
export interface DatadogIntake {
  /** For `metrics_endpoint`. */
  readonly endpoint: string;
  /** What was answered, in order. */
  readonly answers: readonly Answer[];
  /** Points that were accepted. */
  readonly points: number;
  /** Accepted points of which another one has metric, second and tags: the last alone would be kept. */
  readonly overwritten: number;
  close(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly reason: string;
}

const limits = { uncompressed: 500 * 1000, decompressed: 5 * 1000 * 1000 };

export async function startDatadogIntake(key: string): Promise<DatadogIntake> {
  const answers: Answer[] = [];
  const kept = new Set<string>();
  let points = 0;
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    const { headers } = request;
    const own = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const read =
      headers.host === own && request.url === '/v1/metrics' ? metricsIn(headers, body, key) : elsewhere;
    const answer = 'status' in read ? read : { status: 200, reason: '' };
    if (!('status' in read)) {
      const identities = identitiesOf(read.metrics, headers);
      points += identities.length;
      for (const identity of identities) kept.add(identity);
    }
    answers.push(answer);
    if (answer.status === 200) response.end();
    else response.writeHead(answer.status, { 'Content-Type': 'text/plain' }).end(answer.reason);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/metrics`, // a server on a port
    answers,
    get points() {
      return points;
    },
    get overwritten() {
      return points - kept.size;
    },
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const elsewhere: Answer = { status: 403, reason: 'not the endpoint of this site' };

function metricsIn(
  headers: IncomingHttpHeaders,
  body: Buffer,
  key: string,
): Answer | { readonly metrics: readonly ReceivedMetrics[] } {
  if (headers['dd-api-key'] !== key) return { status: 403, reason: 'dd-api-key is not a key' };
  const encoding = headers['content-encoding'] ?? 'identity';
  if (!['identity', 'gzip', 'zstd'].includes(encoding))
    return { status: 415, reason: `cannot read ${encoding}` };
  const type = headers['content-type'];
  if (type !== 'application/x-protobuf' && type !== 'application/json')
    return { status: 415, reason: `${type} is neither protobuf nor JSON` };
  const plain =
    encoding === 'gzip' ? gunzipSync(body) : encoding === 'zstd' ? zstdDecompressSync(body) : body;
  const limit = encoding === 'identity' ? limits.uncompressed : limits.decompressed;
  if (plain.length > limit) return { status: 413, reason: `${plain.length} bytes are more than ${limit}` };
  const bytes = type === 'application/json' ? jsonToProtobuf('/v1/metrics', plain.toString()) : plain;
  const metrics = decodeMetrics(bytes);
  const cumulative = metrics
    .flatMap((of) => of.metrics)
    .find(({ temporality }) => temporality === 'cumulative');
  return cumulative ? { status: 400, reason: `${cumulative.name} is cumulative` } : { metrics };
}

/** Metric, second and tags of each point; attributes of resources are tags where the header says so. */
function identitiesOf(all: readonly ReceivedMetrics[], headers: IncomingHttpHeaders): readonly string[] {
  const { resource_attributes_as_tags: hasResource = false } = JSON.parse(
    `${headers['dd-otel-metric-config'] ?? '{}'}`,
  );
  const sorted = (of: object) => Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1));
  return all.flatMap(({ resource, metrics }) =>
    metrics.flatMap(({ name, points }) =>
      points.map(({ attributes, time }) =>
        JSON.stringify([
          name,
          `${time / 1_000_000_000n}`,
          sorted({ ...(hasResource && resource), ...attributes }),
        ]),
      ),
    ),
  );
}
