import type { Connection } from '../component.ts';
import type { Signal } from '../telemetry/batch.ts';
import type { Pipeline } from './config.ts';

export type Role = 'receiver' | 'processor' | 'connector' | 'exporter';

/** A place in the graph through which batches come. */
export interface Vertex {
  readonly role: Role;
  readonly id: string;
  /** The pipeline of a processor. */
  readonly pipeline?: string;
  /**
   * What is opened for it. A receiver or exporter is one instance however many pipelines name it, a processor is one
   * per pipeline; a connector is one too, but has a vertex per signal it consumes.
   */
  readonly instance: string;
  readonly next: readonly Edge[];
}

export interface Edge {
  readonly signal: Signal;
  readonly to: Vertex;
}

export type Connects = ReadonlyMap<string, readonly Pick<Connection, 'from' | 'to'>[]>;

export type Plan =
  /** Upstream first. */
  | { readonly kind: 'order'; readonly order: readonly Vertex[] }
  | { readonly kind: 'cycle'; readonly cycle: readonly Vertex[] };

/** The graph of all pipelines. An id in `connects` is a connector wherever it stands. */
export function plan(pipelines: readonly Pipeline[], connects: Connects): Plan {
  const vertices = new Map<string, Vertex & { readonly next: Edge[] }>();

  function vertex(role: Role, id: string, part?: { pipeline: string } | { consumes: Signal }) {
    const pipeline = part && 'pipeline' in part ? part.pipeline : undefined;
    const instance = [role, pipeline, id].filter(Boolean).join(' ');
    const key = part && 'consumes' in part ? `${instance} ${part.consumes}` : instance;
    const known = vertices.get(key) ?? { role, id, ...(pipeline && { pipeline }), instance, next: [] };
    vertices.set(key, known);
    return known;
  }

  for (const { id: pipeline, signal, receivers, processors, exporters } of pipelines) {
    // Shared by all that lead there: of many receivers and exporters there are as many edges as the product.
    let edges = [...new Set(exporters)].map((id): Edge => {
      const to = connects.has(id) ? vertex('connector', id, { consumes: signal }) : vertex('exporter', id);
      return { signal, to };
    });
    const into = ({ next }: { readonly next: Edge[] }) => {
      for (const edge of edges) next.push(edge);
    };
    for (const id of processors.toReversed()) {
      const processor = vertex('processor', id, { pipeline });
      into(processor);
      edges = [{ signal, to: processor }];
    }
    for (const id of new Set(receivers)) {
      const pairs = connects.get(id);
      if (pairs === undefined) into(vertex('receiver', id));
      else
        for (const { from, to } of pairs)
          if (to === signal) into(vertex('connector', id, { consumes: from }));
    }
  }
  return sortVertices([...vertices.values()]);
}

/** Depth first with a stack of its own: pipelines may be chained by the thousand. */
function sortVertices(vertices: readonly Vertex[]): Plan {
  const upward: Vertex[] = [];
  const state = new Map<Vertex, 'open' | 'done'>();
  const way: { readonly vertex: Vertex; readonly rest: Iterator<Edge> }[] = [];

  const enter = (vertex: Vertex) => {
    state.set(vertex, 'open');
    way.push({ vertex, rest: vertex.next.values() });
  };

  for (const start of vertices) {
    if (!state.has(start)) enter(start);
    for (let last = way.at(-1); last; last = way.at(-1)) {
      const edge = last.rest.next();
      if (edge.done) {
        way.pop();
        state.set(last.vertex, 'done');
        upward.push(last.vertex);
        continue;
      }
      const { to } = edge.value;
      if (state.get(to) === 'open') {
        const open = way.map(({ vertex }) => vertex);
        return { kind: 'cycle', cycle: [...open.slice(open.indexOf(to)), to] };
      }
      if (!state.has(to)) enter(to);
    }
  }
  return { kind: 'order', order: upward.toReversed() };
}
