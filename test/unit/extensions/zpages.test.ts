import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ExtensionHost } from '../../../src/component.ts';
import { zpages } from '../../../src/extensions/zpages/zpages.ts';
import type { HttpServer } from '../../../src/net/http-server.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { settle } from '../fake-clock.ts';
import { type Behaviour, bench, whole } from '../runtime/agent-bench.ts';

/** The pages of an agent that runs. */
async function served(t: TestContext, config = whole, behave: Behaviour = {}) {
  const { promise, resolve } = Promise.withResolvers<ExtensionHost>();
  const { start, clock } = bench(config, {
    ...behave,
    async side(host) {
      resolve(host);
      return (await behave.side?.(host)) ?? {};
    },
  });
  const agent = await start();
  const server = (await zpages.open({ endpoint: 'localhost:0' }, await promise)) as HttpServer; // what it serves with
  t.after(async () => {
    await server.close();
    await agent.stop();
  });
  const get = (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`);
  const json = async (path: string) =>
    (await get(`${path}${path.includes('?') ? '&' : '?'}format=json`)).json();
  return { clock, get, json };
}

test('a page shows components with their errors, edges, and counters of queues and losses', async (t) => {
  const { clock, json } = await served(t, whole, { failEncode: 'sink' });
  await clock.advance(seconds(1));
  const { tables } = (await json('/debug/pipelinez')) as { tables: Record<string, Record<string, string>[]> };
  assert.deepEqual(
    tables.components?.find(({ component }) => component === 'exporter sink'),
    { component: 'exporter sink', error: 'metrics: cannot encode' },
  );
  const edge = tables.edges?.find(({ from, signal }) => from === 'receiver source' && signal === 'metrics');
  assert.equal(edge?.to, 'processor metrics step');
  const names = tables.counters
    ?.filter(({ component }) => component === 'exporter sink')
    .map(({ counter }) => counter);
  assert.ok(names?.includes('otelcol_exporter_queue_capacity'));
  assert.ok(tables.counters?.some(({ counter }) => counter === 'otelcol_receiver_refused_metric_points'));
});

test('the sample of an edge is the next batch that passes', async (t) => {
  const { clock, json } = await served(t);
  const { tables } = (await json('/debug/pipelinez')) as {
    tables: { edges: { sample: string; from: string }[] };
  };
  const path = tables.edges.find(({ from }) => from === 'receiver source')?.sample;
  const sample = json(path ?? '') as Promise<{ text: string; tables: { batch: object[] } }>;
  let isDone = false;
  void sample.then(() => {
    isDone = true;
  });
  while (!isDone) {
    await clock.advance(seconds(1));
    await settle();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { text, tables: found } = await sample;
  assert.match(text, /"signal"/);
  assert.equal(found.batch.length, 1);
});

test('an edge that is not there is refused, other paths are not found', async (t) => {
  const { get } = await served(t);
  const refused = await get('/debug/samplez?from=a&to=b&signal=metrics');
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /no such edge/);
  for (const path of ['/', '/debug', '/debug/constructor', '//'])
    assert.equal((await get(path)).status, 404, path);
});

test('the service page has phase, version and the configuration without secrets', async (t) => {
  const { json, get } = await served(
    t,
    whole.replace('sink: ', 'sink: {token: s3cret, setting: "https://user:s3cret@host/x?key=s3cret"}'),
  );
  const page = JSON.stringify(await json('/debug/servicez'));
  assert.match(page, /"phase":"ready"/);
  assert.match(page, /REDACTED/);
  assert.match(page, /https:\/\/\[REDACTED\]@host\/x\?\[REDACTED\]/);
  assert.doesNotMatch(page, /s3cret/);
  assert.match(JSON.stringify(await json('/debug/extensionz')), /"extension":"side"/);
  const html = await get('/debug/servicez');
  assert.match(html.headers.get('content-type') ?? '', /^text\/html/);
  assert.match(html.headers.get('content-security-policy') ?? '', /default-src 'none'/);
});

test('the page of extensions says which task fails, and why', async (t) => {
  const run = () => {
    throw new Error('no such file');
  };
  const { clock, json } = await served(t, whole, {
    side: async () => ({ tasks: [{ name: 'read', every: seconds(1), run }] }),
  });
  await clock.advance(seconds(2));
  const { tables } = (await json('/debug/extensionz')) as { tables: { extensions: object[] } };
  assert.deepEqual(tables.extensions, [{ extension: 'side', error: 'read: no such file' }]);
});

test('names and reasons of others are text in HTML, not markup', async (t) => {
  const { clock, get } = await served(t, whole, {
    process() {
      throw new Error('<script>alert("1")</script>\u{1b}[2J');
    },
  });
  await clock.advance(seconds(1));
  const html = await (await get('/debug/pipelinez')).text();
  assert.match(html, /&lt;script&gt;alert\(&quot;1&quot;\)&lt;\/script&gt;\\u\{1b\}\[2J/);
  assert.ok(!html.includes('<script') && !html.includes('\u{1b}'));
  assert.doesNotMatch(html, /src=|https?:\/\//);
});

test('a client that leaves, and the end of the extension, end the wait for a sample', async (t) => {
  let taps = 0;
  const agent = {
    tap() {
      taps += 1;
      return {
        async close() {
          taps -= 1;
        },
      };
    },
  };
  const host = {
    ...agent,
    agent,
    endsWithin: async (_: unknown, work: Promise<unknown>) => work.then(() => true),
  };
  const server = (await zpages.open(
    { endpoint: 'localhost:0' },
    host as unknown as ExtensionHost,
  )) as HttpServer;
  t.after(() => server.close());
  const url = `http://127.0.0.1:${server.port}/debug/samplez?from=a&to=b&signal=metrics`;
  const until = async (count: number) => {
    while (taps !== count) await settle();
  };
  const left = new AbortController();
  const asked = [fetch(url, { signal: left.signal }), fetch(url)].map((one) => one.catch(() => 'left'));
  await until(2);
  left.abort();
  await until(1);
  await server.close();
  await until(0);
  assert.deepEqual(await Promise.all(asked), ['left', 'left']);
});
