import { writeFileSync } from 'node:fs';
import { agentMetricByName } from '../src/telemetry/agent.ts';
import {
  attributeMeaning,
  attributes,
  causeMeaning,
  causes,
  cgroupMetrics,
  culpritLabel,
  events,
  type Metric,
  metrics,
  podAnnotation,
  podLabel,
  resourceAttributes,
  waitPart,
} from '../src/telemetry/vocabulary.ts';

export const path = new URL('../docs/METRICS.md', import.meta.url);

/** `docs/METRICS.md`, from the vocabulary. */
export function metricsDocument(): string {
  const code = (text: string) => `\`${text}\``;
  const list = (keys: readonly string[]) => (keys.length === 0 ? '–' : keys.map(code).join(', '));
  return [
    '# Metrics and events',
    'Generated from `src/telemetry/vocabulary.ts` by `scripts/write-metrics-doc.ts`; do not edit.',
    'A resource is the workload that waited. The agent emits the deltas of each interval; an exporter turns them into cumulative values where its `temporality` says so. Durations are in seconds.',
    '## Resource',
    table(
      ['attribute', 'meaning'],
      resourceAttributes.map((key) => [code(key), attributeMeaning[key]]),
    ),
    '## Metrics',
    table(
      ['metric', 'kind', 'unit', 'attributes', 'meaning'],
      [...Object.values(metrics), ...Object.values(cgroupMetrics)].map((metric: Metric) => [
        code(metric.name),
        metric.kind.replaceAll('_', ' '),
        code(metric.unit),
        list(metric.attributes),
        metric.description,
      ]),
    ),
    `### Causes (${code(attributes.cause)})`,
    table(
      ['cause', 'meaning'],
      causes.map((cause) => [code(cause), causeMeaning[cause]]),
    ),
    '## Events',
    'Log records with an event name. Beside these attributes an event has, for each part of its wait, ' +
      `${code(waitPart('<class>'))} in seconds; the parts sum to ${code(attributes.waitDuration)}.`,
    table(
      ['event', 'when', 'attributes'],
      Object.values(events).map(({ name, description, attributes: keys }) => [
        code(name),
        description,
        list(keys),
      ]),
    ),
    '## Attributes of points and events',
    table(
      ['attribute', 'meaning'],
      Object.entries(attributeMeaning)
        .filter(([key]) => !(resourceAttributes as readonly string[]).includes(key))
        .map(([key, meaning]) => [code(key), meaning]),
    ),
    `Labels and annotations of pods that the configuration selects (\`extract\` of the \`workload\` processor) become ${[podLabel, podAnnotation].map((name) => code(name('<key>'))).join(' and ')} on resources and, if asked for, ${code(culpritLabel('<key>'))} on points and events; annotations \`resource.opentelemetry.io/<attribute>\` become that attribute.`,
    '## The agent itself',
    'Emitted by the `agent` receiver, under the names of the OpenTelemetry Collector where it has one.',
    table(
      ['metric', 'kind', 'unit', 'meaning'],
      [...agentMetricByName.values()].map(({ name, kind, unit, description }) => [
        code(name),
        kind,
        code(unit),
        description,
      ]),
    ),
  ]
    .join('\n\n')
    .concat('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

if (import.meta.main) writeFileSync(path, metricsDocument());
