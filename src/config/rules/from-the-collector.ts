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
    instead: 'use `temporality` of exporter `otlp_grpc`',
  },
  {
    section: 'processors',
    types: ['probabilistic_sampler', 'tail_sampling'],
    instead: 'use processor `sampling`',
  },
  { section: 'exporters', types: ['logging'], instead: 'use exporter `debug`' },
];

/** What to write instead of a type. */
export const counterpartOf = (section: Section, type: string): string | undefined =>
  fromTheCollector.find((entry) => entry.section === section && entry.types.includes(type))?.instead;
