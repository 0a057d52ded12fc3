import { type Origin, type Outcome, resultsOf } from '../component.ts';
import type { Edge, Vertex } from '../config/graph.ts';
import { accepted, together } from '../delivery/outcome.ts';
import { type Loss, lose, PendingLosses } from '../delivery/pending-losses.ts';
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
   * its queue, or has delivered it, with the worst of what became of it. With an origin its sender has it still, and sends it
   * again if that is `retry`.
   */
  deliver(from: Instance, batch: Batch, origin?: Origin): Promise<Outcome>;
}

/**
 * Batches are shared, not copied. A component that throws loses its own branch, counted, and nothing else.
 */
export function createFlow({ counters, health, taps, complete }: FlowContext): Flow {
  let current = new Graph();
  let former = current;

  async function deliver(from: Instance, batch: Batch, origin?: Origin): Promise<Outcome> {
    const graph = current.has(from) ? current : former;
    const next = graph.nextOf(from);
    if (!next.some(({ signal }) => signal === batch.signal)) return accepted;
    const way = { graph, from: from.key, next };
    const { opened, subject } = from;
    if (opened.kind === 'receiver')
      return graph.track(receive({ ...way, receiver: subject.id, origin }, batch));
    // those that a processor holds were counted as incoming on arrival
    if (opened.kind === 'processor') countOutgoing(subject, batch);
    return graph.track(leave(way, batch));
  }

  /** As the Collector does, counts a batch of a receiver when it is known what became of it. */
  async function receive({ receiver, origin, ...way }: Arrival, batch: Batch): Promise<Outcome> {
    const pending = origin && new PendingLosses(counters);
    const outcome = await leave({ ...way, ...(pending && { pending }) }, complete(batch));
    pending?.settle(outcome.kind);
    const items = itemCount(batch);
    const attributes = { receiver, ...origin };
    if (outcome.kind === 'retry' || outcome.kind === 'refused') {
      const reason = outcome.code ?? (outcome.kind === 'refused' ? 'permanent' : 'retryable');
      counters.add(runtimeCounters.receiverRefused[batch.signal], items, { ...attributes, reason });
    } else counters.add(runtimeCounters.receiverAccepted[batch.signal], items, attributes);
    return outcome;
  }

  function countOutgoing({ id }: Subject, batch: Batch): void {
    const attributes = { processor: id, signal: batch.signal };
    counters.add(runtimeCounters.processorOutgoing, itemCount(batch), attributes);
  }

  async function leave(way: Way, batch: Batch): Promise<Outcome> {
    const { from, next } = way;
    const items = itemCount(batch);
    if (items === 0) return accepted;
    const edges = next.filter(({ signal }) => signal === batch.signal);
    for (const { to } of edges) taps.show({ from, to: to.instance, signal: batch.signal }, batch);
    const outcomes = await Promise.all(edges.map(({ to }) => enter(way, to, batch)));
    return together(outcomes, items);
  }

  async function enter({ graph, ...way }: Way, vertex: Vertex, batch: Batch): Promise<Outcome> {
    const { role: kind, id, pipeline } = vertex;
    const part = kind === 'exporter' ? { signal: batch.signal } : {};
    const subject = { kind, id, ...(pipeline !== undefined && { pipeline }), ...part };
    try {
      const taker = graph.takerOf(vertex.instance);
      const to = taker instanceof Promise ? await taker : taker;
      if (to?.opened.kind === 'exporter') return await to.opened.sender.offer(batch, way.pending);
      const refusal = to?.opened.kind === 'processor' ? to.opened.running.refusal?.() : undefined;
      if (refusal) {
        lose(counters, dropped(subject, batch, refusal.code ?? 'refused'), way.pending);
        return { kind: 'retry', ...refusal };
      }
      const emitted = pass(to, batch);
      health.healthy(subject);
      const onward = { ...way, graph, from: vertex.instance, next: vertex.next };
      const outcomes = await Promise.all(emitted.map((each) => leave(onward, each)));
      return together(outcomes, itemCount(batch));
    } catch (error) {
      lose(counters, dropped(subject, batch, 'error'));
      health.unhealthy(subject, messageOf(error), { sentence: 'Component failed. Dropping data.' });
      return { kind: 'refused', reason: messageOf(error) };
    }
  }

  function pass(to: Instance | undefined, batch: Batch): readonly Batch[] {
    switch (to?.opened.kind) {
      case 'processor': {
        const processed = resultsOf(to.opened.running.process(batch));
        const attributes = { processor: to.subject.id, signal: batch.signal };
        counters.add(runtimeCounters.processorIncoming, itemCount(batch), attributes);
        for (const each of processed) countOutgoing(to.subject, each);
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
  /** Where the sender of the batch still has it. */
  readonly pending?: PendingLosses;
}

interface Arrival extends Omit<Way, 'pending'> {
  readonly receiver: string;
  readonly origin: Origin | undefined;
}

function dropped({ kind, id }: Subject, batch: Batch, reason: string): Loss {
  const attributes = { component: `${kind} ${id}`, signal: batch.signal, reason };
  return { metric: runtimeCounters.itemsDropped, items: itemCount(batch), attributes, ...attributes };
}
