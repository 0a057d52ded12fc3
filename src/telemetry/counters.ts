/**
 * The agent's own counters: what went through, and each loss with its reason. The hot path counts and never logs; the
 * `agent` receiver turns the totals into metrics.
 */
export interface Counter {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Counters {
  add(name: string, by: number, attributes?: Readonly<Record<string, string>>): void;
  /** Totals since start, in order of first use. */
  read(): readonly Counter[];
}

export function createCounters(): Counters {
  const totals = new Map<
    string,
    { name: string; attributes: Readonly<Record<string, string>>; value: number }
  >();
  return {
    add(name, by, attributes = {}) {
      const key = `${name} ${JSON.stringify(Object.entries(attributes).sort())}`;
      const counter = totals.get(key);
      if (counter) counter.value += by;
      else totals.set(key, { name, attributes, value: by });
    },
    read: () => [...totals.values()],
  };
}
