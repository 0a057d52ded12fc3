import type { Edge } from '../config/graph.ts';
import type { Instance } from './instance.ts';
import type { GraphPlan } from './plan-graph.ts';

/** The instances of one configuration, and the batches that are under way between them. */
export class Graph {
  readonly plan: GraphPlan | undefined;
  readonly #instances: Map<string, Instance>;
  readonly #next: ReadonlyMap<string, readonly Edge[]>;
  readonly #underWay = new Set<Promise<unknown>>();
  /** Of those that are being replaced: what comes in their place. */
  readonly #awaited = new Map<string, Promise<Instance | undefined>>();

  /** Without a plan: nothing runs. */
  constructor(plan?: GraphPlan, instances: ReadonlyMap<string, Instance> = new Map()) {
    this.plan = plan;
    this.#instances = new Map(instances);
    this.#next = new Map((plan?.instances ?? []).map(({ key, next }) => [key, next]));
  }

  /** In the order of opening. */
  get instances(): readonly Instance[] {
    return (this.plan?.instances ?? []).flatMap(({ key }) => this.#instances.get(key) ?? []);
  }

  get(key: string): Instance | undefined {
    return this.#instances.get(key);
  }

  /** Where batches go; while it is being replaced, they wait for the one that comes in its place. */
  takerOf(key: string): Instance | undefined | Promise<Instance | undefined> {
    return this.#awaited.get(key) ?? this.get(key);
  }

  /** From now on batches for an instance wait, until the result is called with the one that takes its place. */
  hold({ key }: Instance): (successor: Instance | undefined) => void {
    const { promise, resolve } = Promise.withResolvers<Instance | undefined>();
    this.#awaited.set(key, promise);
    return (successor) => {
      if (successor) this.replace(successor);
      this.#awaited.delete(key);
      resolve(successor);
    };
  }

  has(instance: Instance): boolean {
    return this.#instances.get(instance.key) === instance;
  }

  /** Where a batch goes that an instance yields by itself. */
  nextOf(instance: Instance): readonly Edge[] {
    return this.#next.get(instance.key) ?? [];
  }

  /** Puts an instance in the place of the one that was opened for the same part of the plan. */
  replace(instance: Instance): void {
    this.#instances.set(instance.key, instance);
  }

  /** Counts a batch as under way until its delivery ends. */
  async track<T>(delivery: Promise<T>): Promise<T> {
    this.#underWay.add(delivery);
    try {
      return await delivery;
    } finally {
      this.#underWay.delete(delivery);
    }
  }

  /** When the batches that are under way now have ended. */
  async delivered(): Promise<void> {
    await Promise.all(this.#underWay);
  }
}
