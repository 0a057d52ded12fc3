import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Static } from 'typebox';
import type { Outcome, RequestExporter } from '../../../../src/component.ts';
import { otlpHttp } from '../../../../src/exporters/otlp-http/otlp-http.ts';
import type { Batch } from '../../../../src/telemetry/batch.ts';
import { nanoseconds, seconds } from '../../../../src/telemetry/units.ts';
import { startOtlpHttpReceiver } from '../../../lab/otlp-http-receiver.ts';
import { batchWith } from '../../batch-with.ts';
import { fakeHost } from '../../fake-host.ts';

export type Settings = Static<typeof otlpHttp.config>;

export const defaults: Settings = {
  encoding: 'proto',
  compression: 'gzip',
  headers: {},
  tls: { insecure_skip_verify: false },
  temporality: 'delta',
  cumulative: { max_stale: seconds(600), max_streams: 1000 },
};

export const fixture = (name: string) =>
  fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url));
export const tlsServer = { key: readFileSync(fixture('key.pem')), cert: readFileSync(fixture('cert.pem')) };

export async function setUp(
  t: TestContext,
  {
    settings = {},
    server = {},
  }: { settings?: Partial<Settings>; server?: Parameters<typeof startOtlpHttpReceiver>[0] } = {},
) {
  const receiver = await startOtlpHttpReceiver(server);
  const { host, logged } = fakeHost('otlp_http', otlpHttp.emits);
  const exporter = await otlpHttp.open({ ...defaults, endpoint: receiver.endpoint, ...settings }, host);
  t.after(async () => {
    await exporter.close();
    await receiver.close();
  });
  return { receiver, exporter, logged, host };
}

export async function sendAll(
  exporter: RequestExporter,
  batch: Batch,
  abort = new AbortController().signal,
  timeout = nanoseconds(0),
) {
  const outcomes: Outcome[] = [];
  for (const payload of exporter.encode(batch))
    outcomes.push(await exporter.send(payload, { abort, timeout }));
  return outcomes;
}

export const one = batchWith('metrics', { a: ['1'] });
export const reasonOf = (outcome: Outcome | undefined) =>
  outcome && 'reason' in outcome ? outcome.reason : '';
