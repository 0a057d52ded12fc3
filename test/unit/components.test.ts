import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import perfHooks from 'node:perf_hooks';
import { after, describe, mock, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  type Component,
  type ExporterComponent,
  type ExtensionHost,
  type ReceiverComponent,
  signalsOf,
} from '../../src/component.ts';
import { components } from '../../src/components.ts';
import { loadConfig } from '../../src/config/load.ts';
import { sectionOf } from '../../src/config/schema/file-schema.ts';
import { Type } from '../../src/config/schema/type.ts';
import { perSignal } from '../../src/telemetry/batch.ts';
import { FakeBpf, type FakeObject } from './fake-bpf.ts';
import { fakeHost } from './fake-host.ts';
import { waitingScheduler } from './receivers/scheduler/waiting-scheduler.ts';

const directory = mkdtempSync(join(tmpdir(), 'earshot-components-'));
after(() => rmSync(directory, { recursive: true }));

/** What a component cannot do without, or not in a test; all else has a default. */
const required = (name = 'one'): Readonly<Record<string, object>> => ({
  admin: { endpoint: `unix://${directory}/${name}.sock` },
  replay: { file: fileURLToPath(new URL('../../config/recording.jsonl.gz', import.meta.url)) },
  sampling: { reservoir: {} },
  memory_limiter: { limit_mib: 4096 },
  filter: { metrics: { metric: ['name == "a"'] } },
  resource: { attributes: [{ key: 'a', action: 'delete' }] },
  attributes: { actions: [{ key: 'a', action: 'delete' }] },
  file: { path: `${directory}/${name}.json` },
  file_storage: { directory },
  health_check: { endpoint: 'localhost:0' },
  zpages: { endpoint: 'localhost:0' },
  prometheus: { endpoint: 'localhost:0' },
  basic_auth: { client_auth: { username: 'u', password: 'p' } },
  bearer_token_auth: { token: 't' },
  oauth2_client: { client_id: 'c', client_secret: 's', token_url: 'https://127.0.0.1:1/token' },
  otlp_grpc: { endpoint: 'localhost:4317', tls: { insecure: true } },
  otlp_http: { endpoint: 'http://localhost:4318' },
  otlp_json_file: { include: [`${directory}/*.json`] },
  otlp: { protocols: { grpc: { endpoint: 'localhost:0' }, http: { endpoint: 'localhost:0' } } },
});

/** Kernel sides of components that check what they attached; of others nothing happens in the kernel. */
const objects: Readonly<Record<string, FakeObject>> = { scheduler: waitingScheduler() };

const hostFor = (id: string): ExtensionHost => ({
  ...fakeHost(id).host,
  bpf: new FakeBpf(objects),
});

const open = () => Promise.reject(new Error('only there to be named'));
const source: ReceiverComponent = {
  ...{
    kind: 'receiver',
    type: 'any_source',
    summary: '',
    stability: perSignal(() => 'beta'),
    config: Type.Object({}),
  },
  open,
};
const sink: ExporterComponent = { ...source, kind: 'exporter', type: 'any_sink', shape: 'local', open };

/** A configuration with the component in a pipeline that suits it. */
function configWith(component: Component, body: unknown) {
  const id = `${component.type}/test`;
  const is = (kind: Component['kind']) => component.kind === kind;
  const { from, to } = ('connects' in component ? component.connects[0] : undefined) ?? {};
  const hasSignals = component.kind !== 'connector' && component.kind !== 'extension';
  const signal = from ?? (hasSignals ? signalsOf(component)[0] : undefined) ?? 'metrics';
  const lists = {
    receivers: [is('receiver') ? id : source.type],
    processors: is('processor') ? [id] : [],
    exporters: [is('exporter') || is('connector') ? id : sink.type],
  };
  const onward = { [`${to}/onward`]: { receivers: [id], exporters: [sink.type] } };
  const text = JSON.stringify({
    receivers: { [source.type]: {}, ...(is('receiver') && { [id]: body }) },
    exporters: { [sink.type]: {}, ...(is('exporter') && { [id]: body }) },
    ...(!is('receiver') && !is('exporter') && { [sectionOf(component.kind)]: { [id]: body } }),
    service: {
      extensions: is('extension') ? [id] : [],
      pipelines: { [`${signal}/test`]: lists, ...(is('connector') && onward) },
    },
  });
  const input = { files: ['test'], sets: [], environment: {}, readFile: () => text };
  const config = loadConfig(input, [component, source, sink]);
  return config[sectionOf(component.kind)].get(id)?.config ?? assert.fail('the component is not configured');
}

/** Monitors of the event loop that are on: Node.js does not list them among its active resources. */
const monitors = new Set<object>();
const monitorEventLoopDelay = perfHooks.monitorEventLoopDelay;
mock.method(perfHooks, 'monitorEventLoopDelay', (options: perfHooks.EventLoopMonitorOptions) => {
  const histogram = monitorEventLoopDelay(options);
  const { enable, disable } = histogram;
  return Object.assign(histogram, {
    enable() {
      monitors.add(histogram);
      return enable.call(histogram);
    },
    disable() {
      monitors.delete(histogram);
      return disable.call(histogram);
    },
  });
});
syncBuiltinESMExports();

/** A whole turn of the event loop, from one check phase to the next: handles that were closed are gone at its end. */
async function turn(): Promise<void> {
  for (let phase = 0; phase < 2; phase++) await new Promise((resolve) => setImmediate(resolve));
}

/** Sockets on which a process with these resources listens, and its pipes. */
const listening = (resources: readonly string[]) =>
  resources.filter((resource) => /^(TCPServer|Pipe)Wrap$/.test(resource)).length;

const openWithDefaults = (component: Component, name: string) =>
  component.open(
    configWith(component, required(name)[component.type] ?? null),
    hostFor(`${component.type}/${name}`),
  );

for (const component of components)
  describe(`${component.kind} ${component.type}`, () => {
    test('has a name and a summary fit for the reference page', () => {
      assert.match(component.type, /^[a-z][a-z0-9_]*$/);
      assert.match(component.summary, /^[A-Z].*\.$/);
      const namesakes = components.filter(
        ({ kind, type }) => kind === component.kind && type === component.type,
      );
      assert.equal(namesakes.length, 1);
    });

    test('has valid defaults', () => {
      assert.doesNotThrow(() => configWith(component, required()[component.type] ?? null));
    });

    test('refuses an unknown key', () => {
      const body = { ...required()[component.type], no_such_key: 1 };
      assert.throws(() => configWith(component, body), /unknown key "no_such_key"/);
    });

    test('opens and closes without data; close is idempotent and leaves nothing running', async () => {
      await turn(); // what the test before left is gone
      const before = process.getActiveResourcesInfo();
      const opened = await openWithDefaults(component, 'one');
      assert.equal(monitors.size, component.type === 'agent' ? 1 : 0);
      const listens = listening(process.getActiveResourcesInfo()) > listening(before);
      await opened.close();
      await opened.close();
      assert.equal(monitors.size, 0);
      await turn();
      assert.deepEqual(process.getActiveResourcesInfo(), before);
      assert.ok(
        !listens || component.exclusive || component.ownsPlace,
        'what listens has its place to itself',
      );
    });

    test('has two independent instances', async () => {
      const [one, two] = await Promise.all([
        openWithDefaults(component, 'one'),
        openWithDefaults(component, 'two'),
      ]);
      assert.notEqual(one, two);
      await one.close();
      await two.close();
    });
  });

test('gRPC is loaded by a component that opens, not by the list of components', async () => {
  const list = new URL('../../src/components.ts', import.meta.url);
  const program = `
    await import('${list}');
    const { cache } = process.getBuiltinModule('module').createRequire('/');
    process.stdout.write(Object.keys(cache).join('\\n'));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  const loaded = stdout.split('\n');
  assert.ok(loaded.some((file) => file.includes('/node_modules/yaml/')));
  assert.deepEqual(
    loaded.filter((file) => file.includes('/@grpc/')),
    [],
  );
});
