import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { TlsClientConfig } from '../../../src/client/tls-keys.ts';
import type { Outcome, RequestExporter } from '../../../src/component.ts';
import type { Batch } from '../../../src/telemetry/batch.ts';
import { nanoseconds, seconds } from '../../../src/telemetry/units.ts';

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
