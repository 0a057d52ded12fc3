import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import type { TestContext } from 'node:test';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { Origin, Outcome } from '../../../../src/component.ts';
import { loadConfig } from '../../../../src/config/load.ts';
import { debug } from '../../../../src/exporters/debug/debug.ts';
import { otlp } from '../../../../src/receivers/otlp/otlp.ts';
import type { Batch } from '../../../../src/telemetry/batch.ts';
import { fakeHost } from '../../fake-host.ts';

// A proxy in the environment is not what is tested here.
process.env.no_grpc_proxy = '127.0.0.1,localhost';

/** The settings as the agent reads them. */
export const settingsOf = (text: string) => configuredAs(text).config as Parameters<typeof otlp.open>[0];

export function configuredAs(text: string) {
  const file = `receivers: {otlp: ${text}}
exporters: {debug: }
service: {pipelines: {metrics: {receivers: [otlp], exporters: [debug]}}}`;
  const input = { files: ['test'], sets: [], environment: {}, readFile: () => file };
  return loadConfig(input, [otlp, debug]).receivers.get('otlp') ?? assert.fail('no receiver');
}

export const onAnyPort = '{protocols: {grpc: {endpoint: "localhost:0"}, http: {endpoint: "localhost:0"}}}';

/** A running receiver. `reply`: what becomes of what it hands over. */
export async function setUp(
  t: TestContext,
  {
    settings = onAnyPort,
    reply = () => ({ kind: 'accepted' }),
    signals = ['metrics', 'logs', 'traces'],
  }: {
    settings?: string;
    reply?: (batch: Batch) => Outcome | Promise<Outcome>;
    signals?: readonly ('metrics' | 'logs' | 'traces')[];
  } = {},
) {
  const { host, logged } = fakeHost('otlp', otlp.emits);
  const receiver = await otlp.open(settingsOf(settings), { ...host, signals: new Set(signals) });
  t.after(() => receiver.close());
  const taken: Batch[] = [];
  const origins: (Origin | undefined)[] = [];
  receiver.listen?.(async (batch, origin) => {
    taken.push(batch);
    origins.push(origin);
    return reply(batch);
  });
  const endpointOf = (protocol: 'GRPC' | 'HTTP') => {
    const lines = logged.map((line) => JSON.parse(line) as { msg: string; endpoint: string });
    return lines.find(({ msg }) => msg === `Starting ${protocol} server`)?.endpoint ?? '';
  };
  return {
    ...{ receiver, taken, origins, logged, http: endpointOf('HTTP'), grpc: endpointOf('GRPC') },
    counts: () =>
      Object.fromEntries(
        host.counters
          .read()
          .map(({ metric, attributes: { receiver: _, ...rest }, value }) => [
            [metric.name, ...Object.values(rest)].join(' '),
            value,
          ]),
      ),
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export function post(
  endpoint: string,
  path: string,
  {
    body = Buffer.from('{}'),
    type = 'application/json',
    encoding,
    method = 'POST',
    ...more
  }: { body?: Uint8Array; type?: string; encoding?: string } & RequestOptions = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(`http://${endpoint}${path}`, {
      ...{ method, agent: false, ...more },
      headers: { 'Content-Type': type, ...(encoding && { 'Content-Encoding': encoding }) },
    });
    request.on('error', reject);
    request.on('response', async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
    });
    request.end(body);
  });
}

export type Called =
  | { readonly answer: Buffer }
  | { readonly code: number; readonly details: string; readonly metadata: Metadata };

export async function call(
  target: string,
  path: string,
  body: Uint8Array,
  channel = credentials.createInsecure(),
): Promise<Called> {
  const client = new Client(target, channel, { 'grpc.use_local_subchannel_pool': 1 });
  try {
    return await new Promise<Called>((resolve) =>
      client.makeUnaryRequest<Buffer, Buffer>(
        path,
        (bytes) => bytes,
        (bytes) => bytes,
        Buffer.from(body),
        new Metadata(),
        { deadline: Date.now() + 20_000 },
        (error: ServiceError | null, answer) => resolve(error ?? { answer: answer ?? Buffer.alloc(0) }),
      ),
    );
  } finally {
    client.close();
  }
}
