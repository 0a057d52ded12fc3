import type {
  Component,
  ConnectorComponent,
  ExtensionComponent,
  LocalExporterComponent,
  ProcessorComponent,
  ReceiverComponent,
} from '../../../src/component.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { duration } from '../../../src/config/schema/duration.ts';
import { secret } from '../../../src/config/schema/secret.ts';
import { Type } from '../../../src/config/schema/type.ts';

const nothing = { async close() {} };
const open = () => Promise.reject(new Error('configuration alone never opens a component'));

/** A service with settings of its own. */
const memory = {
  hostKeys: Type.Object({
    keep_names: duration({ default: '10m' }),
    max_names: Type.Integer({ default: 16_384, minimum: 64 }),
  }),
};

const probe: ReceiverComponent = {
  kind: 'receiver',
  type: 'probe',
  summary: 'Measures.',
  stability: { metrics: 'beta' },
  config: Type.Object({
    interval: duration({ default: '10s', minimum: '100ms', maximum: '1h' }),
    label: Type.Optional(Type.String()),
    depth: Type.Integer({ default: 3, minimum: 1 }),
    ratio: Type.Number({ default: 0.5 }),
    exact: Type.Boolean({ default: false }),
    mode: Type.Enum(['fast', 'thorough'], { default: 'fast' }),
    include: Type.Array(Type.String(), { default: [] }),
    limits: Type.Object(
      { count: Type.Integer({ default: 7 }), age: duration({ default: '1m' }) },
      { default: {} },
    ),
  }),
  uses: [memory],
  open,
};

const events: ReceiverComponent = {
  ...probe,
  type: 'events',
  stability: { logs: 'beta' },
  config: Type.Object({}),
};

const trim: ProcessorComponent = {
  kind: 'processor',
  type: 'trim',
  summary: 'Trims.',
  stability: { metrics: 'beta', logs: 'alpha' },
  config: Type.Object({}),
  uses: [memory],
  open,
};

const relay: ConnectorComponent = {
  kind: 'connector',
  type: 'relay',
  summary: 'Relays.',
  connects: [
    { from: 'metrics', to: 'metrics', stability: 'beta' },
    { from: 'metrics', to: 'logs', stability: 'beta' },
  ],
  config: Type.Object({}),
  open,
};

const send: LocalExporterComponent = {
  shape: 'local',
  kind: 'exporter',
  type: 'send',
  aliases: ['sender'],
  summary: 'Sends.',
  stability: { metrics: 'beta', logs: 'alpha' },
  config: Type.Object({
    endpoint: Type.String({ minLength: 1 }),
    headers: Type.Record(Type.String(), secret(), { default: {} }),
  }),
  check: ({ endpoint }) => (endpoint === 'nowhere' ? [{ path: ['endpoint'], message: 'leads nowhere' }] : []),
  open,
};

const show: LocalExporterComponent = { ...send, type: 'show', aliases: [], config: Type.Object({}) };

const status: ExtensionComponent = {
  kind: 'extension',
  type: 'status',
  summary: 'Answers.',
  stability: 'alpha',
  config: Type.Object({}),
  open: async () => nothing,
};

/** A component for every rule of the configuration; none can be opened. */
export const sampleComponents: readonly Component[] = [probe, events, trim, relay, send, show, status];

/** Loads texts as the files `a.yaml`, `b.yaml`, … */
export function loadTexts(
  texts: readonly string[],
  {
    sets = [],
    featureGates = [],
    environment = {},
    withOrigins = false,
  }: {
    sets?: readonly string[];
    featureGates?: readonly string[];
    environment?: Record<string, string>;
    withOrigins?: boolean;
  } = {},
) {
  const files = new Map(texts.map((text, index) => [`${String.fromCharCode(97 + index)}.yaml`, text]));
  const readFile = (path: string) => files.get(path) ?? '';
  return loadConfig(
    { files: [...files.keys()], sets, featureGates, environment, readFile, withOrigins },
    sampleComponents,
  );
}

/** A configuration that is right, with a body for its receiver `probe`. */
export const withProbe = (body: string) => `receivers:
  probe: ${body}
exporters: {show: {}}
service: {pipelines: {metrics: {receivers: [probe], exporters: [show]}}}
`;
