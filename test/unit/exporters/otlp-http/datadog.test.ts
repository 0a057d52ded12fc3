import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { components } from '../../../../src/components.ts';
import type { Config } from '../../../../src/config/config.ts';
import { loadConfig } from '../../../../src/config/load.ts';
import { otlpHttp } from '../../../../src/exporters/otlp-http/otlp-http.ts';
import type { Batch } from '../../../../src/telemetry/batch.ts';
import {
  exponentialHistogram,
  resource,
  resourceMetrics,
  sum,
} from '../../../../src/telemetry/metrics/build.ts';
import { histogramOf } from '../../../../src/telemetry/metrics/histogram.ts';
import { waitMetrics } from '../../../../src/telemetry/metrics/wait.ts';
import { startDatadogIntake } from '../../../lab/datadog-intake.ts';
import { interval } from '../../batch-with.ts';
import { fakeHost } from '../../fake-host.ts';
import { sendAll } from '../otlp-fixture.ts';
import type { Settings } from './otlp-http-fixture.ts';

/** The rules are those that Datadog publishes; what applies them here is a stand-in of this project's own. */

const file = fileURLToPath(new URL('../../../../config/examples/datadog.yaml', import.meta.url));

const settingsIn = ({ exporters }: Config) =>
  (exporters.get('otlp_http/datadog')?.config ??
    assert.fail('the example has another exporter')) as unknown as Settings;

/** The exporter of the example, or one that differs from it. */
async function setUp(t: TestContext, changes: Partial<Settings> = {}) {
  const intake = await startDatadogIntake('s3cret');
  t.after(() => intake.close());
  const environment = { DD_API_KEY: 's3cret', DD_OTLP_ENDPOINT: intake.endpoint };
  const loaded = loadConfig({ files: [file], sets: [], environment }, components);
  const settings = settingsIn(loaded);
  const { host } = fakeHost('otlp_http', otlpHttp.emits);
  const exporter = await otlpHttp.open({ ...settings, ...changes }, host);
  t.after(() => exporter.close());
  return { intake, settings, send: (batch: Batch) => sendAll(exporter, batch) };
}

/** An interval of so many workloads: counters by cause, and a histogram each. */
const node = (workloads: number): Batch => ({
  signal: 'metrics',
  resourceMetrics: Array.from({ length: workloads }, (_, n) =>
    resourceMetrics(
      resource({
        'service.name': 'checkout',
        'service.instance.id': `pod-${n}`,
        'k8s.pod.name': `checkout-${n}`,
      }),
      [
        sum(
          waitMetrics.waitTime,
          interval,
          ['self', 'neighbor', 'system', 'throttled'].map((cause, at) => ({
            value: n + at / 8,
            attributes: { 'earshot.cause': cause },
          })),
        ),
        exponentialHistogram(waitMetrics.waitDuration, interval, [
          {
            value: histogramOf({
              scale: 2,
              zeroCount: 0,
              sum: n,
              buckets: new Map([
                [-40, 1 + n],
                [-20, 2],
                [3, 1],
              ]),
            }),
          },
        ]),
      ],
    ),
  ),
});

const large = node(4000);
const pointsOfLarge = 4000 * 5;

test('the example passes: a large node, each point kept, at the endpoint of US1 unless another one is set', async (t) => {
  const { intake, send } = await setUp(t);
  for (const outcome of await send(large)) assert.equal(outcome.kind, 'accepted');
  assert.ok(intake.answers.length > 1, 'one request only: the limit of its size is not reached');
  assert.deepEqual([intake.points, intake.overwritten], [pointsOfLarge, 0]);
  const byDefault = loadConfig({ files: [file], sets: [], environment: {} }, components);
  assert.equal(settingsIn(byDefault).metrics_endpoint, 'https://otlp.datadoghq.com/v1/metrics');
});

test('JSON and zstd pass too', async (t) => {
  const { intake, send } = await setUp(t, { encoding: 'json', compression: 'zstd' });
  for (const outcome of await send(node(10))) assert.equal(outcome.kind, 'accepted');
  assert.equal(intake.points, 50);
});

const violations: Readonly<
  Record<string, { readonly status: number; readonly changes: (endpoint: string) => Partial<Settings> }>
> = {
  'totals instead of deltas': { status: 400, changes: () => ({ temporality: 'cumulative' }) },
  'another key': { status: 403, changes: () => ({ headers: { 'dd-api-key': 'other' } }) },
  'no key': { status: 403, changes: () => ({ headers: {} }) },
  'another site': {
    status: 403,
    changes: (endpoint) => ({ metrics_endpoint: endpoint.replace('127.0.0.1', 'localhost') }),
  },
  'another path': {
    status: 403,
    changes: (endpoint) => ({ metrics_endpoint: endpoint.replace('metrics', 'series') }),
  },
  'requests beyond 500 kB without compression': { status: 413, changes: () => ({ compression: 'none' }) },
};

for (const [what, { status, changes }] of Object.entries(violations))
  test(`${what}: refused, and not sent again`, async (t) => {
    const { intake, settings } = await setUp(t);
    const { host } = fakeHost('otlp_http', otlpHttp.emits);
    const exporter = await otlpHttp.open({ ...settings, ...changes(`${settings.metrics_endpoint}`) }, host);
    t.after(() => exporter.close());
    const [outcome] = await sendAll(exporter, large);
    assert.equal(outcome?.kind, 'refused');
    assert.equal(intake.answers[0]?.status, status);
    assert.equal(intake.points, 0);
  });

test('without attributes of resources as tags all workloads but one are lost, which no answer says', async (t) => {
  const { intake, send } = await setUp(t, { headers: { 'dd-api-key': 's3cret' } });
  assert.deepEqual(await send(node(10)), [{ kind: 'accepted' }]);
  assert.deepEqual([intake.points, intake.overwritten], [50, 45]);
});
