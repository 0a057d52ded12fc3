import { type Failure, type Outcome, resultsOf } from '../component.ts';
import type { Edge, Vertex } from '../config/graph.ts';
import { accepted, together } from '../delivery/outcome.ts';
import { type Batch, itemCount } from '../telemetry/batch.ts';
import type { Counters } from '../telemetry/counters.ts';
import { type Health, messageOf, type Subject } from '../telemetry/health.ts';
import { runtimeCounters } from './emits.ts';
import { Graph } from './graph.ts';
import type { Instance } from './instance.ts';
import type { Taps } from './taps.ts';

export interface FlowContext {
  readonly counters: Counters;
  readonly health: Health;
  readonly taps: Taps;
  /** What each receiver's data get. */
  complete(batch: Batch): Batch;
}

/** The way of batches: each goes through the graph that was current when it came, to the end. */
export interface Flow {
  readonly graph: Graph;
  /** From now on batches go through another graph; those of instances that are only in the former one stay in it. */
  swap(graph: Graph): void;
  /** The instances that are only in the former graph yield no more. */
  forgetFormer(): void;
  /**
   * Takes a batch that an instance yielded by itself to everything after it. Resolves when every exporter has the data in
   * its queue, or has delivered it, with the worst of what became of it.
   */
  deliver(from: Instance, batch: Batch): Promise<Outcome>;
}

/**
 * Batches are shared, not copied. A component that throws loses its own branch, counted, and nothing else.
 */
export function createFlow({ counters, health, taps, complete }: FlowContext): Flow {
  let current = new Graph();
  let former = current;

  async function deliver(from: Instance, batch: Batch): Promise<Outcome> {
    const graph = current.has(from) ? current : former;
    const next = graph.nextOf(from);
    if (!next.some(({ signal }) => signal === batch.signal)) return accepted;
    countYield(from, batch);
    const whole = from.opened.kind === 'receiver' ? complete(batch) : batch;
    return graph.track(leave({ graph, from: from.key, next }, whole));
  }

  /** Batches that a processor holds were counted as incoming on arrival. */
  function countYield({ opened: { kind }, subject }: Instance, batch: Batch): void {
    const { signal } = batch;
    const items = itemCount(batch);
    if (kind === 'receiver')
      counters.add(runtimeCounters.receiverAccepted[signal], items, { receiver: subject.id });
    if (kind === 'processor')
      counters.add(runtimeCounters.processorOutgoing, items, { processor: subject.id, signal });
  }

  async function leave({ graph, from, next }: Way, batch: Batch): Promise<Outcome> {
    const items = itemCount(batch);
    if (items === 0) return accepted;
    const edges = next.filter(({ signal }) => signal === batch.signal);
    for (const { to } of edges) taps.show({ from, to: to.instance, signal: batch.signal }, batch);
    const outcomes = await Promise.all(edges.map(({ to }) => enter(graph, to, batch)));
    return together(outcomes, items);
  }

  async function enter(graph: Graph, vertex: Vertex, batch: Batch): Promise<Outcome> {
    const { role: kind, id, pipeline } = vertex;
    const part = kind === 'exporter' ? { signal: batch.signal } : {};
    const subject = { kind, id, ...(pipeline !== undefined && { pipeline }), ...part };
    try {
      const taker = graph.takerOf(vertex.instance);
      const to = taker instanceof Promise ? await taker : taker;
      if (to?.opened.kind === 'exporter') return await to.opened.sender.offer(batch);
      const refusal = to?.opened.kind === 'processor' ? to.opened.running.refusal?.() : undefined;
      if (refusal) return refuse(subject, refusal, batch);
      const emitted = pass(to, batch);
      health.healthy(subject);
      const way = { graph, from: vertex.instance, next: vertex.next };
      const outcomes = await Promise.all(emitted.map((each) => leave(way, each)));
      return together(outcomes, itemCount(batch));
    } catch (error) {
      countDropped(subject, batch, 'error');
      health.unhealthy(subject, messageOf(error), { sentence: 'Component failed. Dropping data.' });
      return { kind: 'refused', reason: messageOf(error) };
    }
  }

  /** The component itself logs that it refuses. */
  function refuse(subject: Subject, refusal: Failure, batch: Batch): Outcome {
    countDropped(subject, batch, refusal.code ?? 'refused');
    health.unhealthy(subject, refusal.reason);
    return { kind: 'retry', ...refusal };
  }

  function countDropped({ kind, id }: Subject, batch: Batch, reason: string): void {
    const attributes = { component: `${kind} ${id}`, signal: batch.signal, reason };
    counters.add(runtimeCounters.itemsDropped, itemCount(batch), attributes);
  }

  function pass(to: Instance | undefined, batch: Batch): readonly Batch[] {
    switch (to?.opened.kind) {
      case 'processor': {
        const processed = resultsOf(to.opened.running.process(batch));
        const attributes = { processor: to.subject.id, signal: batch.signal };
        counters.add(runtimeCounters.processorIncoming, itemCount(batch), attributes);
        for (const each of processed)
          counters.add(runtimeCounters.processorOutgoing, itemCount(each), attributes);
        return processed;
      }
      case 'connector':
        return to.opened.running.connect(batch);
      default:
        throw new Error('nothing that takes batches runs here');
    }
  }

  return {
    get graph() {
      return current;
    },
    swap(graph) {
      former = current;
      current = graph;
    },
    forgetFormer() {
      former = current;
    },
    deliver,
  };
}

/** From an instance over its edges. */
interface Way {
  readonly graph: Graph;
  readonly from: string;
  readonly next: readonly Edge[];
}
