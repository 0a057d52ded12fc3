import type {
  Closable,
  Component,
  Connector,
  ExtensionHost,
  Held,
  Host,
  Outcome,
  Payload,
  Processed,
  Processor,
  Receiver,
  Running,
  StabilityBySignal,
} from '../../../src/component.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { secret } from '../../../src/config/schema/secret.ts';
import { Type } from '../../../src/config/schema/type.ts';
import { createAgent } from '../../../src/runtime/agent.ts';
import { type Batch, itemCount } from '../../../src/telemetry/batch.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { MemoryStore } from '../memory-store.ts';
import { batchOf, fakeWorld, labelsOf } from './fake-world.ts';

const settings = Type.Object({ setting: Type.String({ default: '' }), token: Type.Optional(secret()) });
const common = { summary: '', config: settings };
const stability: StabilityBySignal = { metrics: 'beta', logs: 'beta' };

/** An agent of components that write down what is done to them; `behave` changes what one does, by id. */
export function bench(config: string, behave: Behaviour = {}) {
  let written = config;
  const events: string[] = [];
  const received = new Map<string, Batch[]>();
  /** By what is sent of them: a queue on disk passes it from one instance to the next. */
  const encoded: Batch[] = [];
  const stores = new Map<string, MemoryStore>();
  const world = fakeWorld();
  /** That the log was given. */
  const levels: string[] = [];

  async function opened<T extends object>(id: string, instance: T): Promise<T & Closable> {
    if (behave.failStart === id) throw Object.assign(new Error('no permission'), { code: 'EPERM' });
    events.push(`open ${id}`);
    return {
      ...(behave.reconfigure && {
        async reconfigure(config: unknown) {
          events.push(`reconfigure ${id}`);
          return behave.reconfigure?.(id, config) ?? 'restart';
        },
      }),
      ...instance,
      async close() {
        events.push(`close ${id}`);
        if (behave.failClose === id) throw new Error('stuck');
        if (behave.hangClose === id) await new Promise(() => {});
      },
    };
  }

  function keep(id: string, batch: Batch): void {
    received.set(id, [...(received.get(id) ?? []), batch]);
  }

  async function openSource(_: unknown, host: Host) {
    const { id } = host;
    const own = await behave.source?.(host);
    const collect = async () => {
      events.push(`collect ${id}`);
      if (behave.hangCollect === id) await behave.hang;
      return [batchOf('metrics', 2, id), batchOf('logs', 1, id)];
    };
    return opened(id, { pulls: [{ name: 'totals', every: seconds(10), collect }], ...own });
  }

  const components: readonly Component[] = [
    { kind: 'receiver', ...common, type: 'source', stability, open: openSource },
    {
      kind: 'receiver',
      ...common,
      type: 'lone',
      stability,
      exclusive: true,
      bpf: { purpose: 'look into the kernel' },
      open: openSource,
    },
    { kind: 'receiver', ...common, type: 'server', stability, ownsPlace: true, open: openSource },
    {
      kind: 'processor',
      ...common,
      type: 'step',
      stability,
      open: async (_, host) => {
        const { id } = host;
        const own = await behave.step?.(host);
        return opened(id, { process: (batch: Batch) => behave.process?.(id, batch) ?? batch, ...own });
      },
    },
    {
      kind: 'connector',
      ...common,
      type: 'link',
      config: Type.Object({
        ...settings.properties,
        storage: Type.Optional(Type.String({ extension: 'storage' })),
      }),
      connects: [
        { from: 'metrics', to: 'metrics', stability: 'beta' },
        { from: 'metrics', to: 'logs', stability: 'beta' },
        { from: 'logs', to: 'logs', stability: 'beta' },
      ],
      open: async ({ storage, setting }, host) => {
        const connect = (batch: Batch) => [batch, batchOf('logs', 5, 'made')];
        const store = typeof storage === 'string' ? await host.openStore(storage) : undefined;
        if (setting === 'fail') {
          await store?.close();
          throw new Error('no memory');
        }
        const link = await opened(host.id, { connect, ...(await behave.link?.(host)) });
        return {
          ...link,
          async close() {
            await link.close();
            await store?.close();
          },
        };
      },
    },
    {
      kind: 'exporter',
      ...common,
      type: 'sink',
      stability,
      shape: 'request',
      delivery: { timeout: '0' },
      open: async (_, { id }) => {
        received.set(id, received.get(id) ?? []);
        return opened(id, {
          encode(batch: Batch) {
            if (behave.failEncode === id) throw new Error('cannot encode');
            const bytes = Buffer.from(`${encoded.push(batch) - 1}`);
            return [{ signal: batch.signal, bytes, items: itemCount(batch) }];
          },
          async send({ bytes }: Payload): Promise<Outcome> {
            if (behave.hangSend === id) await new Promise(() => {});
            await behave.awaitSend;
            const batch = encoded[Number(Buffer.from(bytes))];
            const { outcome = { kind: 'accepted' } } = behave;
            if (batch && outcome.kind !== 'retry') keep(id, batch);
            return outcome;
          },
        });
      },
    },
    {
      kind: 'exporter',
      ...common,
      type: 'screen',
      stability,
      shape: 'local',
      open: async (_, { id }) => opened(id, { write: async (batch: Batch) => keep(id, batch) }),
    },
    {
      kind: 'exporter',
      ...common,
      type: 'page',
      stability,
      shape: 'held',
      open: async (_, { id }) =>
        opened(id, {
          take(batch: Batch): Held {
            keep(id, batch);
            return { kind: 'accepted' };
          },
        }),
    },
    {
      kind: 'extension',
      ...common,
      type: 'side',
      stability: 'beta',
      open: async (_, host) => opened(host.id, { ...(await behave.side?.(host)) }),
    },
    {
      kind: 'extension',
      ...common,
      type: 'vault',
      stability: 'beta',
      provides: 'storage',
      open: async (_, host) =>
        opened(host.id, {
          async openStore(component: string) {
            events.push(`open store ${host.id} of ${component}`);
            const store = stores.get(component) ?? new MemoryStore();
            stores.set(component, store);
            store.isClosed = false;
            store.close = async () => {
              store.isClosed = true;
              if (behave.hangStore === component) await new Promise(() => {});
              events.push(`close store of ${component}`);
            };
            return store;
          },
        }),
    },
  ];

  const load = () =>
    loadConfig({ files: ['test'], sets: [], environment: {}, readFile: () => written }, components);
  const agent = createAgent(world, {
    load,
    async applyTelemetry({ logs }) {
      if (behave.failTelemetry === logs.level) throw new Error('no port');
      levels.push(logs.level);
    },
  });
  return {
    ...{ ...world, events, received, agent, levels },
    labels: (id: string) => received.get(id)?.flatMap(labelsOf) ?? [],
    /** The running agent, or why it does not start. */
    async start() {
      await agent.apply(load());
      return agent;
    },
    /** Changes what is written, and applies it. */
    reload(config: string) {
      written = config;
      return agent.reload();
    },
    write(config: string) {
      written = config;
    },
    /** What happened since the last call. */
    happened: () => events.splice(0),
  };
}

/** What components do, read at each step: a test may change it. */
export interface Behaviour {
  failStart?: string | undefined;
  /** With this level of the log. */
  failTelemetry?: string;
  failClose?: string;
  hangClose?: string;
  hangStore?: string;
  hangCollect?: string;
  hang?: Promise<void>;
  hangSend?: string;
  awaitSend?: Promise<void>;
  outcome?: Outcome;
  failEncode?: string;
  process?(id: string, batch: Batch): Batch;
  /** Absent: no component has the function. */
  reconfigure?(id: string, config: unknown): 'applied' | 'restart';
  /** What an instance has of its own. */
  source?(host: Host): Promise<Partial<Receiver>>;
  step?(host: Host): Promise<Partial<Processor<Processed>>>;
  link?(host: Host): Promise<Partial<Connector>>;
  side?(host: ExtensionHost): Promise<Partial<Running>>;
}

export const whole = `
receivers: {source: }
processors: {step: , step/b: }
connectors: {link: }
exporters: {sink: , sink/b: }
extensions: {side: }
service:
  extensions: [side]
  pipelines:
    metrics: {receivers: [source], processors: [step, step/b], exporters: [sink, link]}
    logs: {receivers: [source, link], exporters: [sink/b]}
`;

export const fanOut = `
receivers: {source: }
processors: {step: }
exporters: {sink: , sink/b: }
service:
  pipelines:
    metrics: {receivers: [source], processors: [step], exporters: [sink]}
    metrics/b: {receivers: [source], exporters: [sink/b]}
`;

export const one = `
receivers: {source: }
processors: {step: }
exporters: {sink: }
service: {pipelines: {metrics: {receivers: [source], processors: [step], exporters: [sink]}}}
`;
/** With another setting of the component, by its id. */
export const withSetting = (id: string, setting: string, config = one) =>
  config.replace(`${id}: `, `${id}: {setting: ${setting}}`);

/** The bench of an agent that has started; nothing has happened since. */
export async function running(config: string, behave: Behaviour = {}) {
  const agent = bench(config, behave);
  await agent.start();
  agent.happened();
  return agent;
}

/** Holds every batch; releases one every two seconds. */
export function hoarder(): Pick<Processor, 'process' | 'pulls' | 'flush'> {
  const held: Batch[] = [];
  return {
    process(batch) {
      held.push(batch);
      return batchOf(batch.signal, 0);
    },
    pulls: [{ name: 'held', every: seconds(2), collect: () => held.splice(0, 1) }],
    flush: () => held.splice(0),
  };
}
