import type { Static } from 'typebox';
import { duration } from './duration.ts';
import { headersKey } from './headers.ts';
import { Type } from './type.ts';

const prometheus = Type.Object(
  {
    host: Type.String({ default: 'localhost', description: 'Address to listen on; empty: every one.' }),
    port: Type.Integer({ default: 8888, minimum: 0, maximum: 65_535, description: 'Port to listen on.' }),
    without_scope_info: Type.Boolean({
      default: false,
      description: 'Leave the labels `otel_scope_*` out.',
    }),
    without_target_info: Type.Boolean({
      default: false,
      description: 'Leave `target_info` out, which has the attributes of the resource.',
    }),
  },
  { description: 'Prometheus scrapes `/metrics`.' },
);

const otlp = Type.Object(
  {
    protocol: Type.Enum(['grpc'], { default: 'grpc', description: 'There is no other.' }),
    endpoint: Type.String({
      default: 'http://localhost:4317',
      pattern: '^https?://[^/?#@]+/?$',
      description:
        'Where to send: `http://` is plaintext, `https://` is TLS. Credentials belong into `headers`.',
    }),
    ...headersKey,
    compression: Type.Enum(['none', 'gzip'], { default: 'none', description: 'Of the requests.' }),
    timeout: duration({ default: '10s', minimum: '1ms', description: 'Of one request.' }),
  },
  { description: 'OTLP, with totals since the start of the agent.' },
);

const reader = Type.Object(
  {
    pull: Type.Optional(
      Type.Object(
        { exporter: Type.Object({ prometheus }) },
        { description: 'Metrics are read when they are asked for.' },
      ),
    ),
    periodic: Type.Optional(
      Type.Object(
        {
          interval: duration({ default: '60s', minimum: '100ms', description: 'Between two exports.' }),
          exporter: Type.Object({ otlp }),
        },
        { description: 'Metrics are sent.' },
      ),
    ),
  },
  { minProperties: 1, maxProperties: 1 },
);

/** `service::telemetry::logs`, in the Collector's words. */
export const ownLogsSchema = Type.Object(
  {
    level: Type.Enum(['debug', 'info', 'warn', 'error'], {
      default: 'info',
      ignoresCase: true,
      description: 'Least severity logged; capital letters are the same.',
    }),
    encoding: Type.Enum(['console', 'json'], {
      default: 'console',
      description: 'For people, or for machines.',
    }),
    output_paths: Type.Array(Type.String({ minLength: 1 }), {
      default: ['stderr'],
      description: 'Where to: `stderr`, `stdout`, and paths of files, which are appended to.',
    }),
    initial_fields: Type.Unsafe<Readonly<Record<string, string | number | boolean>>>({
      type: 'object',
      default: {},
      additionalProperties: { type: ['string', 'number', 'boolean'] },
      description: 'Fields of each line.',
    }),
    sampling: Type.Object(
      {
        enabled: Type.Boolean({ default: true, description: 'Whether lines are left out.' }),
        tick: duration({ default: '10s', minimum: '1ms', description: 'Time over which is counted.' }),
        initial: Type.Integer({ default: 10, minimum: 0, description: 'So many of a tick are written.' }),
        thereafter: Type.Integer({
          default: 100,
          minimum: 0,
          description: 'Of those after them one in so many is written; 0: none.',
        }),
      },
      {
        default: {},
        description:
          'Of lines of a component with the same level and message; the next one that is written has their number (`left_out`).',
      },
    ),
  },
  { default: {}, description: "The agent's own log." },
);

/** Of `service::telemetry::resource`; null takes an attribute away. */
export type ResourceSettings = Readonly<Record<string, string | number | boolean | null>>;

/** `service::telemetry::metrics`, in the Collector's words. */
export const ownMetricsSchema = Type.Object(
  {
    level: Type.Enum(['none', 'basic', 'normal', 'detailed'], {
      default: 'normal',
      description:
        "What readers get: nothing, the metrics under the Collector's names, or all (`normal` and `detailed`).",
    }),
    readers: Type.Array(reader, {
      default: [],
      description:
        'Ways out of the agent that depend on no pipeline, each `pull` or `periodic`. The receiver `agent` takes the same metrics into a pipeline.',
    }),
  },
  { default: {}, description: "The agent's own metrics." },
);

export type OwnMetricsConfig = Static<typeof ownMetricsSchema>;
export type ReaderConfig = OwnMetricsConfig['readers'][number];
