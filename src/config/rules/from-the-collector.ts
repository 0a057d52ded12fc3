import type { Section } from '../schema/file-schema.ts';

/** A component of the Collector that Earshot does not have, and what does its work here. */
export interface Counterpart {
  readonly section: Section;
  /** Its names, the present one first. */
  readonly types: readonly string[];
  readonly instead: string;
}

const behind = 'a Collector that `otlp_grpc` sends to can do it';

/** Both the hints in messages and the table in the documentation. */
export const fromTheCollector: readonly Counterpart[] = [
  {
    section: 'receivers',
    types: ['host_metrics', 'hostmetrics', 'kubelet_stats', 'kubeletstats'],
    instead:
      'receivers `cgroup` and `scheduler` report each workload; for totals of the host run a Collector beside it',
  },
  {
    section: 'receivers',
    types: ['file_log', 'filelog', 'journald', 'syslog', 'windows_event_log', 'windowseventlog'],
    instead: 'run a Collector for logs of programs; it can send them to receiver `otlp`',
  },
  {
    section: 'receivers',
    types: ['prometheus', 'k8s_cluster', 'k8s_events', 'docker_stats', 'zipkin', 'jaeger', 'kafka'],
    instead: 'run a Collector for it, which can send to receiver `otlp`',
  },
  {
    section: 'processors',
    types: ['k8s_attributes', 'k8sattributes'],
    instead: 'use processor `workload`, which names containers, pods and their owners',
  },
  {
    section: 'processors',
    types: ['transform', 'metricstransform', 'metrics_transform'],
    instead: `use processors \`attributes\`, \`resource\` and \`filter\`; for the rest ${behind}`,
  },
  {
    section: 'processors',
    types: ['cumulative_to_delta', 'cumulativetodelta', 'delta_to_cumulative', 'deltatocumulative'],
    instead: 'use `temporality` of exporter `otlp_grpc` or `otlp_http`',
  },
  {
    section: 'processors',
    types: ['probabilistic_sampler', 'tail_sampling'],
    instead: 'use processor `sampling`',
  },
  {
    section: 'processors',
    types: [
      'group_by_attrs',
      'groupbyattrs',
      'span',
      'redaction',
      'interval',
      'metrics_generation',
      'metricsgeneration',
    ],
    instead: `leave it out; ${behind}`,
  },
  {
    section: 'connectors',
    types: [
      'span_metrics',
      'spanmetrics',
      'service_graph',
      'servicegraph',
      'count',
      'sum',
      'routing',
      'failover',
    ],
    instead: `leave it out; ${behind}`,
  },
  {
    section: 'exporters',
    types: ['datadog'],
    instead: 'use exporter `otlp_http` with the settings of `config/examples/datadog.yaml`',
  },
  { section: 'exporters', types: ['logging'], instead: 'use exporter `debug`' },
  {
    section: 'exporters',
    types: ['prometheus_remote_write', 'prometheusremotewrite'],
    instead: 'use `otlp_http` to the OTLP receiver of Prometheus, or exporter `prometheus` to be scraped',
  },
  {
    section: 'exporters',
    types: ['elasticsearch', 'loki', 'splunk_hec', 'kafka', 'nop'],
    instead: 'use `otlp_http` or `otlp_grpc` to its OTLP intake, or to a Collector that has this exporter',
  },
  {
    section: 'extensions',
    types: ['pprof'],
    instead: 'leave it out: `zpages` shows the running agent, and receiver `agent` what it costs',
  },
  {
    section: 'extensions',
    types: ['health_check_v2', 'healthcheckv2'],
    instead: 'use extension `health_check`, which has the status of each component',
  },
  {
    section: 'extensions',
    types: ['memory_ballast', 'opamp', 'k8s_observer', 'docker_observer'],
    instead: 'leave it out',
  },
];

/** Keys of the Collector, by their path, that have another form here, or in the Collector of today. */
export const formerKeys: Readonly<Record<string, string>> = {
  'service::telemetry::metrics::address':
    'write readers: [{pull: {exporter: {prometheus: {host: localhost, port: 8888}}}}]',
  'service::telemetry::traces': 'the agent makes no spans of its own, leave it out',
};

/** What to write instead of a type. */
export const counterpartOf = (section: Section, type: string): string | undefined =>
  fromTheCollector.find((entry) => entry.section === section && entry.types.includes(type))?.instead;
