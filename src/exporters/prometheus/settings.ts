import type { Static } from 'typebox';
import { duration } from '../../config/schema/duration.ts';
import { serverTlsKeys } from '../../config/schema/server-tls.ts';
import { Type } from '../../config/schema/type.ts';
import { labelName, type Naming, strategies } from './names.ts';

const closed = { additionalProperties: false } as const;

export const exampleEndpoint = 'localhost:9464';

export const config = Type.Object(
  {
    endpoint: Type.String({
      description: `Where Prometheus gets \`/metrics\`, \`host:port\`, as \`${exampleEndpoint}\`. One outside of the pod or the machine needs \`:9464\`, which is every address.`,
    }),
    tls: Type.Optional(Type.Object(serverTlsKeys, { ...closed, description: 'HTTPS instead of HTTP.' })),
    namespace: Type.String({ default: '', description: 'Put before the name of each metric.' }),
    const_labels: Type.Record(Type.String(), Type.String(), {
      default: {},
      description: 'Labels of each series that has none of this name.',
    }),
    send_timestamps: Type.Boolean({
      default: false,
      description:
        'Whether each value has the time of its data point; otherwise Prometheus takes that of the scrape.',
    }),
    metric_expiration: duration({
      default: '5m',
      minimum: '1s',
      description: 'A series for which nothing comes is no longer shown after so long.',
    }),
    enable_open_metrics: Type.Boolean({
      default: false,
      description: 'Whether OpenMetrics is answered to requests for it.',
    }),
    add_metric_suffixes: Type.Boolean({
      default: true,
      description: 'Whether names end in unit and `_total`; ignored beside `translation_strategy`.',
    }),
    translation_strategy: Type.Optional(
      Type.Enum(strategies, {
        description:
          'How names become those of Prometheus, as in its own `otlp::translation_strategy`: whether names end in unit and `_total`, and whether characters that only Prometheus 3 takes become `_`. A request that does not ask for such characters gets `_` with each strategy.',
      }),
    ),
    without_scope_info: Type.Boolean({
      default: false,
      description: 'Leaves out the labels `otel_scope_…`.',
    }),
    resource_to_telemetry_conversion: Type.Object(
      {
        enabled: Type.Boolean({
          default: false,
          description:
            'Whether the attributes of a resource are labels of each of its series. Otherwise they are those of `target_info`, which has `job` and `instance` in common with them.',
        }),
      },
      { ...closed, default: {} },
    ),
    max_series: Type.Integer({
      minimum: 1,
      default: 100_000,
      description: 'Series kept at most; points of further ones are dropped and counted.',
    }),
  },
  closed,
);

export type Config = Static<typeof config>;
export type Settings = Config & { readonly naming: Naming };

/** Labels have their names as Prometheus gets them. */
export function settingsOf(of: Config): Settings {
  const { namespace, translation_strategy, add_metric_suffixes } = of;
  const strategy =
    translation_strategy ??
    (add_metric_suffixes ? 'UnderscoreEscapingWithSuffixes' : 'UnderscoreEscapingWithoutSuffixes');
  const labels = Object.entries(of.const_labels).map(([key, value]) => [
    labelName(key, strategy) ?? '',
    value,
  ]);
  return { ...of, const_labels: Object.fromEntries(labels), naming: { namespace, strategy } };
}
