import type { TestContext } from 'node:test';
import type { Static } from 'typebox';
import { otlpHttp } from '../../../../src/exporters/otlp-http/otlp-http.ts';
import { startOtlpHttpReceiver } from '../../../lab/otlp-http-receiver.ts';
import { batchWith } from '../../batch-with.ts';
import { fakeHost } from '../../fake-host.ts';
import { sharedDefaults, tlsOn } from '../otlp-fixture.ts';

export type Settings = Static<typeof otlpHttp.config>;

export const defaults: Settings = {
  ...sharedDefaults,
  encoding: 'proto',
  tls: tlsOn,
  temporality: 'delta',
};

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

export const one = batchWith('metrics', { a: ['1'] });
