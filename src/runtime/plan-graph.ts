import { isDeepStrictEqual } from 'node:util';
import type { Component } from '../component.ts';
import type { Config, Configured } from '../config/config.ts';
import { type Connects, type Edge, plan, type Role, type Vertex } from '../config/graph.ts';
import { extensionReferences } from '../config/rules/extensions.ts';
import { configSchemaOf } from '../config/schema/delivery.ts';
import { jsonSchema } from '../config/schema/json-schema.ts';
import type { Signal } from '../telemetry/batch.ts';
import type { Subject } from '../telemetry/health.ts';

/** The graph of a configuration before anything of it is open. */
export interface GraphPlan {
  readonly config: Config;
  /** In the order of opening. */
  readonly instances: readonly InstancePlan[];
}

/** What is opened once, and stands at one vertex or more. */
export interface InstancePlan {
  /** `Vertex.instance`, or `extension ID`. */
  readonly key: string;
  readonly subject: Pick<Subject, 'kind' | 'id' | 'pipeline'>;
  readonly configured: Configured<Component>;
  /** Ids of the extensions that its settings name. */
  readonly extensions: readonly string[];
  /** Whether one of them keeps a store for it, which is open once at a time. */
  readonly hasStore: boolean;
  /** What the pipelines take from it. */
  readonly signals: ReadonlySet<Signal>;
  /** Where a batch goes that it yields by itself. */
  readonly next: readonly Edge[];
}

/** `exporter "otlp_grpc"` */
export const nameOf = ({ subject: { kind, id } }: Pick<InstancePlan, 'subject'>) => `${kind} "${id}"`;

export const extensionKey = (id: string) => `extension ${id}`;

/** Extensions first, then consumers before their producers, one component kind at a time. */
export function planGraph(config: Config): GraphPlan {
  const extensions = config.started.map((id): InstancePlan => {
    const subject = { kind: 'extension', id } as const;
    const configured = existing(config.extensions, id);
    return {
      key: extensionKey(id),
      subject,
      configured,
      extensions: [],
      hasStore: false,
      signals: new Set(),
      next: [],
    };
  });
  const byInstance = Map.groupBy(startOrder(config), ({ instance }) => instance);
  const others = [...byInstance.values()].map((vertices) => planInstance(vertices, config));
  return { config, instances: [...extensions, ...others] };
}

/**
 * How an instance that runs differs from one that is planned at its place. `settings`: the component can be asked whether
 * it takes them; `other`: it has to be opened anew.
 */
export function differenceOf(
  before: Pick<InstancePlan, 'configured' | 'signals'>,
  after: Pick<InstancePlan, 'configured' | 'signals'>,
): 'none' | 'settings' | 'other' {
  if (
    before.configured.component !== after.configured.component ||
    !isDeepStrictEqual(before.configured.delivery, after.configured.delivery) ||
    !isDeepStrictEqual(before.signals, after.signals)
  )
    return 'other';
  const settingsOf = ({ configured: { config, files } }: typeof before) => ({ config, files });
  return isDeepStrictEqual(settingsOf(before), settingsOf(after)) ? 'none' : 'settings';
}

function planInstance(vertices: readonly Vertex[], config: Config): InstancePlan {
  const [vertex] = vertices;
  if (vertex === undefined) throw new Error('an instance has a vertex');
  const { role: kind, id, pipeline, instance: key } = vertex;
  const configured = existing<Configured<Component>>(config[`${kind}s`], id);
  const references = referencesOf(configured);
  const edges = vertices.flatMap(({ next }) => next);
  const targets = new Map<Signal, Set<Vertex>>();
  const isFirst = ({ signal, to }: Edge) => {
    const known = targets.get(signal) ?? new Set();
    targets.set(signal, known);
    return !known.has(to) && known.add(to);
  };
  return {
    key,
    subject: { kind, id, ...(pipeline !== undefined && { pipeline }) },
    configured,
    extensions: references.map(({ id: named }) => named),
    hasStore: references.some(({ provides }) => provides === 'storage'),
    signals: new Set(edges.map(({ signal }) => signal)),
    next: edges.filter(isFirst),
  };
}

function referencesOf({ component, config, delivery }: Configured<Component>) {
  const schema = jsonSchema(configSchemaOf(component));
  return extensionReferences(schema, { ...config, ...delivery });
}

function startOrder(config: Config): readonly Vertex[] {
  const connects: Connects = new Map(
    [...config.connectors].map(([id, { component }]) => [id, component.connects]),
  );
  const planned = plan(config.pipelines, connects);
  if (planned.kind === 'cycle') throw new Error('a checked configuration has no cycle');
  const roles: readonly Role[] = ['exporter', 'connector', 'processor', 'receiver'];
  return roles.flatMap((role) => planned.order.filter((vertex) => vertex.role === role).toReversed());
}

function existing<T>(components: ReadonlyMap<string, T>, id: string): T {
  const found = components.get(id);
  if (found === undefined) throw new Error(`a checked configuration names only what it has, not "${id}"`);
  return found;
}
