import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { TlsClientConfig } from '../../../src/client/tls-keys.ts';
import type { Authenticator, Host, Outcome, RequestExporter } from '../../../src/component.ts';
import type { Batch } from '../../../src/telemetry/batch.ts';
import type { Emits } from '../../../src/telemetry/emits.ts';
import { nanoseconds, seconds } from '../../../src/telemetry/units.ts';
import { fakeHost } from '../fake-host.ts';

/** What both exporters of OTLP are tested with. */
export const tlsOn: TlsClientConfig = {
  insecure: false,
  insecure_skip_verify: false,
  include_system_ca_certs_pool: false,
  reload_interval: nanoseconds(0),
};
export const tlsOff = { ...tlsOn, insecure: true };
export const sharedDefaults = {
  compression: 'gzip',
  headers: {},
  cumulative: { max_stale: seconds(600), max_streams: 1000 },
} as const;

export const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));
export const tlsServer = { key: readFileSync(fixture('key.pem')), cert: readFileSync(fixture('cert.pem')) };

interface Tested<Settings> {
  readonly type: string;
  readonly emits?: Emits;
  open(settings: Settings, host: Host): Promise<RequestExporter>;
}

interface Server {
  readonly endpoint: string;
  close(): Promise<void>;
}

interface Means<Settings, Options, Receiver> {
  readonly defaults: Omit<Settings, 'endpoint'>;
  start(options?: Options): Promise<Receiver>;
}

/** A function that opens the exporter before a server of its own; both are closed after the test. */
export const settingUp =
  <Settings extends object, Options, Receiver extends Server>(
    component: Tested<Settings>,
    { defaults, start }: Means<Settings, Options, Receiver>,
  ) =>
  async (
    t: TestContext,
    {
      settings = {},
      server,
      authenticator,
    }: { settings?: Partial<Settings>; server?: Options; authenticator?: Authenticator } = {},
  ) => {
    const receiver = await start(server);
    const { host, logged } = fakeHost(component.type, component.emits);
    const whole = { ...defaults, endpoint: receiver.endpoint, ...settings } as unknown as Settings; // the endpoint completes them
    const exporter = await component.open(whole, {
      ...host,
      ...(authenticator && { authenticator: () => authenticator }),
    });
    t.after(async () => {
      await exporter.close();
      await receiver.close();
    });
    return { receiver, exporter, logged, host };
  };

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

export const reasonOf = (outcome: Outcome | undefined) =>
  outcome && 'reason' in outcome ? outcome.reason : '';
