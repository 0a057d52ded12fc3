import assert from 'node:assert/strict';
import { syncBuiltinESMExports } from 'node:module';
import perfHooks from 'node:perf_hooks';
import { describe, mock, test } from 'node:test';
import { Type } from 'typebox';
import type { Component, ExporterComponent, Host, ReceiverComponent } from '../../src/component.ts';
import { components } from '../../src/components.ts';
import { loadConfig } from '../../src/config/load.ts';
import { sectionOf } from '../../src/config/schema/file-schema.ts';
import type { SchedulerSource } from '../../src/receivers/scheduler/source.ts';
import type { MonotonicNanoseconds } from '../../src/telemetry/units.ts';
import { fakeHost } from './fake-host.ts';
import { noKernel } from './fake-kernel.ts';

/** What a component cannot do without; all else has a default. */
const required: Readonly<Record<string, object>> = {
  otlp_grpc: { endpoint: 'localhost:4317', tls: { insecure: true } },
};

const idleScheduler: SchedulerSource = {
  histogramScale: 2,
  describe: () => ({ programs: [], mapBytes: 0, cpus: 1, features: {} }),
  drain: () => [],
  read: () => ({ at: 0n as MonotonicNanoseconds, cgroups: [], pairs: [], drops: {} }),
  close() {},
};

const hostFor = (id: string): Host => ({
  ...fakeHost(id).host,
  kernel: { ...noKernel, openScheduler: () => Promise.resolve(idleScheduler) },
});

const open = () => Promise.reject(new Error('only there to be named'));
const source: ReceiverComponent = {
  ...{
    kind: 'receiver',
    type: 'any_source',
    summary: '',
    signals: ['metrics', 'logs'],
    config: Type.Object({}),
  },
  open,
};
const sink: ExporterComponent = { ...source, kind: 'exporter', type: 'any_sink', open };

/** A configuration with the component in a pipeline that suits it. */
function configWith(component: Component, body: unknown) {
  const id = `${component.type}/test`;
  const is = (kind: Component['kind']) => component.kind === kind;
  const [from, to] = 'connects' in component ? (component.connects[0] ?? []) : [];
  const signal = from ?? ('signals' in component ? component.signals[0] : undefined) ?? 'metrics';
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

const openWithDefaults = (component: Component, name: string) =>
  component.open(
    configWith(component, required[component.type] ?? null),
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

    test('is configured by its defaults', () => {
      assert.doesNotThrow(() => configWith(component, required[component.type] ?? null));
    });

    test('refuses a key it does not know', () => {
      const body = { ...required[component.type], no_such_key: 1 };
      assert.throws(() => configWith(component, body), /unknown key "no_such_key"/);
    });

    test('opens and closes without data, twice closed is closed, and leaves nothing running', async () => {
      const before = process.getActiveResourcesInfo();
      const opened = await openWithDefaults(component, 'one');
      assert.equal(monitors.size, component.type === 'agent' ? 1 : 0);
      await opened.close();
      await opened.close();
      assert.equal(monitors.size, 0);
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(process.getActiveResourcesInfo(), before);
    });

    test('is there twice without disturbing itself', async () => {
      const [one, two] = await Promise.all([
        openWithDefaults(component, 'one'),
        openWithDefaults(component, 'two'),
      ]);
      assert.notEqual(one, two);
      await one.close();
      await two.close();
    });
  });
