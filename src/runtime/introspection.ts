import type { AgentHealth, GraphView, Introspection } from '../component.ts';
import type { Config } from '../config/config.ts';
import { printConfig } from '../config/print.ts';
import { type Health, messageOf, type Subject } from '../telemetry/health.ts';
import type { Graph } from './graph.ts';
import type { Taps } from './taps.ts';

export type Phase = Pick<AgentHealth, 'phase' | 'since'>;

export interface IntrospectionContext {
  readonly phase: Phase;
  readonly health: Health;
  readonly taps: Taps;
  readonly graph: Graph;
  /** The one that runs; while the agent starts, the one it starts with. */
  readonly config: Config;
  reload: Introspection['reload'];
}

/** The agent as one extension sees it; `context` is read at each call. */
export function introspectionFor(subject: Subject, context: () => IntrospectionContext): Introspection {
  return {
    health: () => ({ ...context().phase, troubles: context().health.list }),
    graph: () => viewOf(context().graph),
    tap(edge, take) {
      const { graph, taps, health } = context();
      const { from, to, signal } = edge;
      const isThere = viewOf(graph).edges.some(
        (other) => other.from === from && other.to === to && other.signal === signal,
      );
      if (!isThere) throw new Error(`cannot tap ${signal} from "${from}" to "${to}": there is no such edge`);
      return taps.open(edge, (batch) => {
        try {
          take(batch);
        } catch (error) {
          health.unhealthy(subject, messageOf(error), { sentence: 'A tap failed.' });
        }
      });
    },
    config: () => printConfig(context().config),
    reload: () => context().reload(),
  };
}

function viewOf({ plan }: Graph): GraphView {
  const instances = (plan?.instances ?? []).filter(({ subject }) => subject.kind !== 'extension');
  return {
    nodes: instances.map(({ key, subject }) => ({ key, ...subject })),
    edges: instances.flatMap(({ key, next }) =>
      next
        .map(({ signal, to }) => ({ from: key, to: to.instance, signal }))
        // The vertices of a connector are one node.
        .filter(
          ({ signal, to }, index, all) =>
            all.findIndex((other) => other.to === to && other.signal === signal) === index,
        ),
    ),
  };
}
