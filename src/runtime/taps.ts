import type { Closable, GraphEdge } from '../component.ts';
import type { Batch } from '../telemetry/batch.ts';

type Take = (batch: Batch) => void;

/** Taps by edge; by name, so that a tap stays when the graph is swapped. */
export class Taps {
  readonly #byEdge = new Map<string, Set<Take>>();

  /** `take` must not throw. */
  open(edge: GraphEdge, take: Take): Closable {
    const key = keyOf(edge);
    const one: Take = (batch) => take(batch);
    const takes = this.#byEdge.get(key) ?? new Set();
    this.#byEdge.set(key, takes.add(one));
    return {
      close: async () => {
        takes.delete(one);
        if (takes.size === 0 && this.#byEdge.get(key) === takes) this.#byEdge.delete(key);
      },
    };
  }

  show(edge: GraphEdge, batch: Batch): void {
    if (this.#byEdge.size === 0) return;
    for (const take of this.#byEdge.get(keyOf(edge)) ?? []) take(batch);
  }
}

const keyOf = ({ from, to, signal }: GraphEdge) => `${from}\n${to}\n${signal}`;
