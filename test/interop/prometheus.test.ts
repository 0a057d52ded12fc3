import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { strategies } from '../../src/exporters/prometheus/names.ts';
import type { Batch } from '../../src/telemetry/batch.ts';
import { freePorts } from '../lab/free-ports.ts';
import { installed } from '../lab/needed.ts';
import { prometheusBinary } from '../lab/prometheus.ts';
import { losses } from '../unit/runtime/fake-world.ts';
import { startAgent } from './agent.ts';
import { inOrder, readExposition } from './exposed.ts';
import { namesBatch, waits, waitsBatch } from './named.ts';
import { until } from './peer-process.ts';
import { type PrometheusServer, type Series, startPrometheus } from './prometheus-server.ts';

const intervals = { scrape_interval: '300ms', scrape_timeout: '300ms' };

const job = (port: number, more: object = {}) => ({
  ...{
    job_name: `earshot-${port}`,
    honor_labels: true,
    static_configs: [{ targets: [`127.0.0.1:${port}`] }],
  },
  ...{ ...intervals, ...more },
});

const otlpFlags = ['--web.enable-otlp-receiver'];

/** An agent that makes some batches, one at each collection, and then nothing. */
const agentOf = (batches: readonly Batch[], exporters: Readonly<Record<string, string>>) => {
  const left = [...batches];
  return startAgent({
    collect: () => left.splice(0, 1),
    configuration: `
exporters:
${Object.entries(exporters)
  .map(([id, settings]) => `  ${id}: ${settings}`)
  .join('\n')}
service: {pipelines: {metrics: {receivers: [source], exporters: [${Object.keys(exporters).join(', ')}]}}}
`,
  });
};

/** Waits until two lists of series are equal; if they never are, says how they differ. */
async function assertEqualSoon(
  first: () => Promise<readonly Series[]>,
  second: () => Promise<readonly Series[]>,
): Promise<number> {
  let [a, b]: (readonly Series[])[] = [[], []];
  await until(async () => {
    [a, b] = [inOrder(await first()), inOrder(await second())];
    return a.length > 0 && JSON.stringify(a) === JSON.stringify(b);
  }, 'both have the same series').catch(() => assert.deepEqual(a, b));
  assert.ok(a && a.length > 0, 'there are no series');
  return a.length;
}

const shown = (port: number) => async () =>
  readExposition(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());

const isClassic = ({ labels }: Series) => !/_(?:bucket|sum|count)$/.test(`${labels.__name__}`);

for (const strategy of strategies)
  test(`Prometheus 3 has the same series from a scrape as from its receiver of OTLP: ${strategy}`, async (t) => {
    const [port = 0] = await freePorts(1);
    const otlp = { translation_strategy: strategy, promote_scope_metadata: true };
    const binary = prometheusBinary();
    // names of all characters come in text only: a scrape of protobuf does not ask for them
    const isNative = strategy.startsWith('Underscore');
    const scraping = await startPrometheus(t, {
      ...{ binary, config: { scrape_configs: [job(port, { scrape_native_histograms: isNative })] } },
    });
    const receiving = await startPrometheus(t, { binary, config: { otlp }, flags: otlpFlags });
    // in order of time: what comes late is refused by Prometheus
    const batches = [0, 1].flatMap((n) => [namesBatch(n), ...(isNative ? [waitsBatch(n)] : [])]);
    const agent = await agentOf(batches, {
      prometheus: `{endpoint: "localhost:${port}", translation_strategy: ${strategy}}`,
      otlp_http: `{endpoint: "http://127.0.0.1:${receiving.port}/api/v1/otlp", sending_queue: {num_consumers: 1}}`,
    });
    t.after(() => agent.stop());
    const count = await assertEqualSoon(scraping.series, receiving.series);
    assert.deepEqual(losses(agent.counters), []);
    const natives = (await scraping.series()).filter(({ histogram }) => histogram).length;
    assert.equal(natives, isNative ? waits.length : 0);
    t.diagnostic(`${count} series are equal, ${natives} of them native histograms`);
  });

test('Prometheus 3 has each bucket of a native histogram', async (t) => {
  const [port = 0] = await freePorts(1);
  const server = await startPrometheus(t, {
    binary: prometheusBinary(),
    config: { scrape_configs: [job(port, { scrape_native_histograms: true })] },
  });
  const agent = await agentOf([waitsBatch(0), waitsBatch(1)], {
    prometheus: `{endpoint: "localhost:${port}"}`,
  });
  t.after(() => agent.stop());
  const histograms = async () =>
    (await server.series()).filter(({ labels }) => labels.__name__ === 'interop_wait_seconds');
  await until(async () => {
    const [first] = await histograms();
    return first?.histogram?.count === `${2 * (waits[0]?.count ?? 0)}`;
  }, 'both batches are there');
  const all = await histograms();
  assert.equal(all.length, waits.length);
  let buckets = 0;
  for (const { labels, histogram } of all) {
    const { count, sum, scale, zeroCount, offset, counts } =
      waits[Number(labels.n)] ?? assert.fail(`n ${labels.n}`);
    assert.equal(histogram?.count, `${2 * count}`);
    assert.equal(Number(histogram?.sum), 2 * sum);
    const bound = (index: number) => 2 ** (index * 2 ** -scale);
    const filled = counts.flatMap((each, at) =>
      each > 0 ? [[bound(offset + at), bound(offset + at + 1), 2 * each] as const] : [],
    );
    const zero = zeroCount > 0 ? [[-1e-128, 1e-128, 2 * zeroCount] as const] : [];
    const found = (histogram?.buckets ?? []).map(([, lower, upper, held]) =>
      [lower, upper, held].map(Number),
    );
    assert.equal(found.length, zero.length + filled.length);
    for (const [at, expected] of [...zero, ...filled].entries())
      for (const [field, number] of expected.entries())
        assert.ok(Math.abs((found[at]?.[field] ?? 0) / number - 1) < 1e-12, `${found[at]} for ${expected}`);
    buckets += found.length;
  }
  t.diagnostic(`${buckets} buckets of ${all.length} native histograms`);
});

/** What a Prometheus has of a scrape of classic histograms equals what was shown. */
async function scrapeClassic(t: TestContext, binary: string): Promise<number> {
  const [text = 0, openMetrics = 0] = await freePorts(2);
  const servers: PrometheusServer[] = [];
  for (const port of [text, openMetrics])
    servers.push(await startPrometheus(t, { binary, config: { scrape_configs: [job(port)] } }));
  const agent = await agentOf([namesBatch(0), waitsBatch(0), namesBatch(1), waitsBatch(1)], {
    prometheus: `{endpoint: "localhost:${text}"}`,
    'prometheus/open': `{endpoint: "localhost:${openMetrics}", enable_open_metrics: true}`,
  });
  t.after(() => agent.stop());
  let count = 0;
  for (const [at, port] of [text, openMetrics].entries())
    count += await assertEqualSoon(servers[at]?.series ?? assert.fail(), shown(port));
  const series = (await servers[0]?.series()) ?? [];
  assert.ok(
    series.some((each) => !isClassic(each)),
    'there are classic histograms',
  );
  return count;
}

test('Prometheus 3 has what was shown, as text and as OpenMetrics', async (t) => {
  t.diagnostic(`${await scrapeClassic(t, prometheusBinary())} series are equal`);
});

test("Debian's Prometheus 2 has what was shown, as text and as OpenMetrics", async (t) => {
  t.diagnostic(`${await scrapeClassic(t, installed('prometheus'))} series are equal`);
});

test('a series that is no longer shown is stale at once', async (t) => {
  const [port = 0] = await freePorts(1);
  const server = await startPrometheus(t, {
    ...{ binary: prometheusBinary(), config: { scrape_configs: [job(port)] } },
  });
  let isMaking = true;
  const agent = await startAgent({
    collect: () => (isMaking ? [namesBatch(0)] : []),
    configuration: `
exporters: {prometheus: {endpoint: "localhost:${port}", metric_expiration: 2s}}
service: {pipelines: {metrics: {receivers: [source], exporters: [prometheus]}}}
`,
  });
  t.after(() => agent.stop());
  await until(async () => (await server.series()).length > 0, 'there are series');
  isMaking = false;
  // Prometheus itself would show them for five minutes more
  await until(async () => (await server.series()).length === 0, 'all series are gone');
});
