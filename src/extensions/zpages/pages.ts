import { parse } from 'yaml';
import type { GraphEdge, GraphNode, Introspection } from '../../component.ts';
import { printDuration } from '../../config/schema/duration.ts';
import type { Counter, Counters } from '../../telemetry/counters.ts';
import { reasonsOf } from '../../telemetry/health.ts';
import { nanoseconds, type UnixNanoseconds } from '../../telemetry/units.ts';
import { version } from '../../version.ts';

/** What a page shows, as HTML or as JSON. */
export interface Page {
  readonly title: string;
  readonly tables: Readonly<Record<string, readonly Row[]>>;
  /** Below the tables. */
  readonly text?: string;
}

export type Row = Readonly<Record<string, string | number>>;

export interface Shown {
  readonly agent: Pick<Introspection, 'health' | 'graph' | 'config'>;
  readonly counters: Pick<Counters, 'read'>;
  readonly clock: { now(): UnixNanoseconds };
}

/** By path; the sample of an edge has a page of its own. */
export const pages: Readonly<Record<string, (shown: Shown) => Page>> = {
  '/debug/servicez': servicePage,
  '/debug/pipelinez': pipelinesPage,
  '/debug/extensionz': extensionsPage,
};

function servicePage({ agent, clock }: Shown): Page {
  const { phase, since } = agent.health();
  const inPhase = printDuration(nanoseconds(Math.max(0, Number(clock.now() - since))));
  return {
    title: 'Service',
    tables: { agent: [{ version, phase, for: inPhase }] },
    text: agent.config(),
  };
}

function pipelinesPage({ agent, counters }: Shown): Page {
  const { nodes, edges } = agent.graph();
  const { troubles } = agent.health();
  const readings = counters.read();
  const errorsOf = ({ kind, id, pipeline }: GraphNode) =>
    reasonsOf(
      troubles.filter(
        ({ subject }) => subject.kind === kind && subject.id === id && subject.pipeline === pipeline,
      ),
    );
  return {
    title: 'Pipelines',
    tables: {
      components: nodes.map((node) => ({ component: node.key, error: errorsOf(node) })),
      edges: edges.map((edge) => ({ ...edge, sample: samplePath(edge) })),
      counters: nodes.flatMap((node) => counterRows(node, readings)),
    },
  };
}

function extensionsPage({ agent }: Shown): Page {
  const { service } = parse(agent.config()) as { service?: { extensions?: readonly string[] } }; // as it was checked
  const { troubles } = agent.health();
  const reasons = (kind: string, id: string) =>
    reasonsOf(troubles.filter(({ subject }) => subject.kind === kind && subject.id === id));
  const services = new Set(troubles.flatMap(({ subject: { kind, id } }) => (kind === 'service' ? [id] : [])));
  return {
    title: 'Extensions',
    tables: {
      extensions: (service?.extensions ?? []).map((id) => ({
        extension: id,
        error: reasons('extension', id),
      })),
      'services in trouble': [...services].map((id) => ({ service: id, error: reasons('service', id) })),
    },
  };
}

const samplePath = ({ from, to, signal }: GraphEdge) =>
  `/debug/samplez?${new URLSearchParams({ from, to, signal })}`;

/** Those that name the component: of queues, throughput and losses. */
function counterRows({ kind, id, key }: GraphNode, readings: readonly Counter[]): readonly Row[] {
  return readings
    .filter(({ attributes }) => attributes[kind] === id || attributes.component === `${kind} ${id}`)
    .map(({ metric, attributes, value }) => ({
      component: key,
      counter: metric.name,
      attributes: Object.entries(attributes)
        .map(([name, of]) => `${name}=${of}`)
        .join(' '),
      value,
    }));
}
