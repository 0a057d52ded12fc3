import { writeFileSync } from 'node:fs';
import { components } from '../src/components.ts';
import { deliveryEmits } from '../src/delivery/emits.ts';
import { runtimeEmits } from '../src/runtime/emits.ts';
import { culpritLabel } from '../src/telemetry/attributes/culprit.ts';
import { eventAttributes } from '../src/telemetry/attributes/event.ts';
import { resourceAttributes } from '../src/telemetry/attributes/resource.ts';
import { causeMeaning, causes, waitAttributes, waitPart } from '../src/telemetry/attributes/wait.ts';
import { podAnnotation, podLabel, workloadAttributes } from '../src/telemetry/attributes/workload.ts';
import type { Attribute, Emits } from '../src/telemetry/emits.ts';

export const path = new URL('../docs/METRICS.md', import.meta.url);

/** All declarations there are: of the components, with the services they use, and of the runtime. */
export const allEmits: readonly Emits[] = [
  ...components.flatMap(({ emits }) => emits ?? []),
  runtimeEmits,
  deliveryEmits,
];

const onResource: readonly Attribute[] = [resourceAttributes, workloadAttributes].flatMap((table) =>
  Object.values(table),
);

/** `docs/METRICS.md`, from the declarations beside the components. */
export function metricsDocument(): string {
  const metrics = unique(allEmits.flatMap(({ metrics: own = [] }) => own));
  const events = unique(allEmits.flatMap(({ events: own = [] }) => own));
  const counters = unique(allEmits.flatMap(({ counters: own = [] }) => own));
  const attributes = unique(
    [...metrics, ...events, ...allEmits].flatMap(({ attributes: own = [] }) => own),
  ).filter((each) => !onResource.includes(each));
  return [
    '# Metrics and events',
    'Generated from the declarations beside the components by `scripts/write-metrics-doc.ts`; do not edit.',
    'A resource is the workload that waited. The agent emits the deltas of each interval; an exporter turns them into cumulative values where its `temporality` says so. Durations are in seconds. Items are data points, log records, spans or samples of profiles.',
    '## Resource',
    attributeTable(onResource),
    '## Metrics',
    table(
      ['metric', 'kind', 'unit', 'attributes', 'meaning'],
      metrics.map(({ name, kind, unit, attributes: own, meaning }) => [
        code(name),
        kind.replaceAll('_', ' '),
        code(unit),
        keys(own),
        meaning,
      ]),
    ),
    `### Causes (${code(waitAttributes.cause.key)})`,
    table(
      ['cause', 'meaning'],
      causes.map((cause) => [code(cause), causeMeaning[cause]]),
    ),
    '## Events',
    'Log records with an event name. Beside these attributes an event has, for each part of its wait, ' +
      `${code(waitPart('<class>'))} in seconds; the parts sum to ${code(eventAttributes.duration.key)}.`,
    table(
      ['event', 'meaning', 'attributes'],
      events.map(({ name, meaning, attributes: own }) => [code(name), meaning, keys(own)]),
    ),
    '## Attributes of points and events',
    attributeTable(attributes),
    `Labels and annotations of pods that the configuration selects (\`extract\` of the \`workload\` processor) become ${[podLabel, podAnnotation].map((name) => code(name('<key>'))).join(' and ')} on resources and, if asked for, ${code(culpritLabel('<key>'))} on points and events; annotations \`resource.opentelemetry.io/<attribute>\` become that attribute.`,
    '## The agent itself',
    'Emitted by the `agent` receiver, under the names of the OpenTelemetry Collector where it has one. A count in a metric marked as loss is data that was lost.',
    table(
      ['metric', 'kind', 'unit', 'loss', 'meaning'],
      counters.map(({ name, kind, unit, isLoss, meaning }) => [
        code(name),
        kind,
        code(unit),
        isLoss ? 'yes' : '–',
        meaning,
      ]),
    ),
  ]
    .join('\n\n')
    .concat('\n');
}

const unique = <T>(values: readonly T[]): readonly T[] => [...new Set(values)];

function code(text: string): string {
  return `\`${text}\``;
}

function keys(attributes: readonly Attribute[]): string {
  return attributes.length === 0 ? '–' : attributes.map(({ key }) => code(key)).join(', ');
}

function attributeTable(attributes: readonly Attribute[]): string {
  return table(
    ['attribute', 'meaning'],
    attributes.map(({ key, meaning }) => [code(key), meaning]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

if (import.meta.main) writeFileSync(path, metricsDocument());
