import type { Connector, Processor } from '../component.ts';
import type { Vertex } from '../config/graph.ts';
import type { Sender } from '../delivery/sender.ts';
import { type Batch, itemCount } from '../telemetry/batch.ts';
import type { Counters } from '../telemetry/counters.ts';
import { runtimeCounters } from './emits.ts';
import { type Health, messageOf } from './health.ts';

/** Opened components at the vertices, by `Vertex.instance`. */
export interface Running {
  readonly processors: ReadonlyMap<string, Processor>;
  readonly connectors: ReadonlyMap<string, Connector>;
  readonly senders: ReadonlyMap<string, Sender>;
}

/**
 * Takes a batch from a vertex to everything after it. Batches are shared, not copied. A component that throws loses its own branch,
 * counted, and nothing else. Resolves when every exporter has the data in its queue, or has delivered it.
 */
export function createFlow(running: Running, { counters, health }: { counters: Counters; health: Health }) {
  async function leave(vertex: Vertex, batch: Batch): Promise<void> {
    if (itemCount(batch) === 0) return;
    const targets = vertex.next.filter(({ signal }) => signal === batch.signal);
    await Promise.all(targets.map(({ to }) => enter(to, batch)));
  }

  async function enter(vertex: Vertex, batch: Batch): Promise<void> {
    const { role: kind, id, pipeline } = vertex;
    const part = kind === 'exporter' ? { signal: batch.signal } : {};
    const subject = { kind, id, ...(pipeline !== undefined && { pipeline }), ...part };
    try {
      const emitted = await pass(vertex, batch);
      if (kind !== 'exporter') health.healthy(subject);
      await Promise.all(emitted.map((each) => leave(vertex, each)));
    } catch (error) {
      const attributes = { component: `${kind} ${id}`, signal: batch.signal, reason: 'error' };
      counters.add(runtimeCounters.itemsDropped, itemCount(batch), attributes);
      health.unhealthy(subject, messageOf(error), { sentence: 'Component failed. Dropping data.' });
    }
  }

  async function pass({ role, id, instance }: Vertex, batch: Batch): Promise<readonly Batch[]> {
    switch (role) {
      case 'processor': {
        const processed = existing(running.processors, instance).process(batch);
        const attributes = { processor: id, signal: batch.signal };
        counters.add(runtimeCounters.processorIncoming, itemCount(batch), attributes);
        counters.add(runtimeCounters.processorOutgoing, itemCount(processed), attributes);
        return [processed];
      }
      case 'connector':
        return existing(running.connectors, instance).connect(batch);
      case 'exporter':
        await existing(running.senders, instance).offer(batch);
        return [];
      case 'receiver':
        throw new Error('nothing flows into a receiver');
    }
  }

  return leave;
}

function existing<T>(instances: ReadonlyMap<string, T>, instance: string): T {
  const found = instances.get(instance);
  if (found === undefined) throw new Error(`${instance} is not running`);
  return found;
}
