import type { Applied } from '../component.ts';
import { messageOf } from '../telemetry/health.ts';
import { nanoseconds } from '../telemetry/units.ts';
import { checkSupport } from './check-support.ts';
import { addAttributes } from './data-attributes.ts';
import { createFlow, type Flow } from './flow.ts';
import { Graph } from './graph.ts';
import { hostOf } from './host.ts';
import { inTime } from './in-time.ts';
import type { Instance } from './instance.ts';
import { type OpenContext, openInstance } from './open-instance.ts';
import { differenceOf, extensionKey, type GraphPlan, type InstancePlan } from './plan-graph.ts';
import { closeInstances, closeLimit, type Retiring, retire } from './retire.ts';
import { Services } from './services.ts';
import type { Taps } from './taps.ts';
import { startTask } from './tasks.ts';

export interface RunnerContext extends Omit<OpenContext, 'services' | 'deliver'> {
  readonly taps: Taps;
}

/** Takes back a step of a change that failed. Never throws. */
type Undo = () => Promise<void>;

/** The instance of a key is closed; batches for it wait for the one that takes its place. */
interface Handover {
  readonly key: string;
  to(successor: Instance | undefined): void;
}

/** What a change has done so far. */
interface Change {
  readonly kept: ReadonlyMap<string, Instance>;
  readonly undo: Undo[];
  readonly handovers: Handover[];
}

/** Runs one graph at a time, and changes it while batches pass. Its functions must not run side by side. */
export class GraphRunner {
  readonly #context: OpenContext;
  readonly #flow: Flow;

  constructor({ taps, ...context }: RunnerContext) {
    const { world, health } = context;
    const { clock, counters, log } = world;
    const services: Services = new Services({
      hostOf: (id, user) => hostOf({ kind: 'service', id }, { world, services, user }),
      start: (id, { tasks = [] }) =>
        tasks.map((task) => startTask(task, { subject: { kind: 'service', id }, clock, counters, health })),
      close: (name, work) => inTime(work, { what: `close ${name}`, limit: closeLimit, clock, log }),
    });
    this.#flow = createFlow({ counters, health, taps, complete: addAttributes(world.dataAttributes) });
    this.#context = { ...context, services, deliver: this.#flow.deliver };
  }

  get graph(): Graph {
    return this.#flow.graph;
  }

  /**
   * Makes a planned graph the current one. Instances that it has too go on, with their queues; where one cannot be opened, the
   * former graph goes on as it was.
   */
  async change(plan: GraphPlan): Promise<Applied> {
    const before = this.graph.instances;
    const { services, world } = this.#context;
    checkSupport(
      plan.instances.filter(({ key }) => !this.graph.get(key)),
      world.bpf,
    );
    const held = services.hold();
    const undo: Undo[] = [];
    const handovers: Handover[] = [];
    try {
      const { kept, reconfigured } = await this.#keep(plan, undo);
      const opened = await this.#openRest(plan, { kept, undo, handovers });
      const next = new Graph(plan, new Map([...kept, ...opened]));
      await this.#swap(next, handovers);
      return {
        opened: [...opened.keys()],
        closed: before.filter((instance) => !next.has(instance)).map(({ key }) => key),
        reconfigured,
        kept: [...kept.keys()].filter((key) => !reconfigured.includes(key)),
      };
    } catch (error) {
      for (const step of undo.toReversed()) await step();
      throw error;
    } finally {
      await services.release([held]);
    }
  }

  /** Collects a last time, delivers what is queued within the deadline, closes everything. Never throws. */
  async stop(): Promise<void> {
    const retiring = this.#retire(this.graph.instances);
    await retiring.quiesce();
    await retiring.close();
    this.#flow.swap(new Graph());
    this.#flow.forgetFormer();
  }

  #retire(instances: readonly Instance[]): Retiring {
    const { world, services } = this.#context;
    return retire(instances, { ...world, services, graph: this.graph });
  }

  /** Those that run and fit the plan, or take the settings that it has for them. */
  async #keep(plan: GraphPlan, undo: Undo[]) {
    const kept = new Map<string, Instance>();
    const reconfigured: string[] = [];
    for (const planned of plan.instances) {
      const instance = this.graph.get(planned.key);
      if (instance === undefined || instance.isClosed) continue;
      // the stores that it has are those of the former extensions
      if (planned.extensions.some((id) => !kept.has(extensionKey(id)))) continue;
      const difference = differenceOf(instance.plan, planned);
      if (difference === 'none') kept.set(planned.key, instance);
      if (difference !== 'settings') continue;
      const { configured } = instance.plan;
      if (!(await instance.reconfigure(planned.configured))) continue;
      kept.set(planned.key, instance);
      reconfigured.push(planned.key);
      undo.push(() => this.#restore(instance, configured));
    }
    return { kept, reconfigured };
  }

  async #restore(instance: Instance, configured: InstancePlan['configured']): Promise<void> {
    const failed = (reason: string) =>
      this.#context.health.unhealthy(instance.subject, reason, {
        sentence: 'Component does not take its former settings back.',
      });
    try {
      if (!(await instance.reconfigure(configured))) failed('restart needed');
    } catch (error) {
      failed(messageOf(error));
    }
  }

  async #openRest(plan: GraphPlan, { kept, undo, handovers }: Change) {
    const missing = plan.instances.filter(({ key }) => !kept.has(key));
    const holders = new Map(missing.map((planned) => [planned, this.#holderBefore(planned, kept)] as const));
    const opened = new Map<string, Instance>();
    const providedBy = (id: string) => providedIn([kept, opened], id);
    const open = async (planned: InstancePlan) => {
      const instance = await openInstance(planned, { ...this.#context, providedBy });
      opened.set(planned.key, instance);
      undo.push(() => this.#close([instance]));
    };
    const isHeld = (planned: InstancePlan) => holders.get(planned) !== undefined;
    for (const planned of missing) if (!isHeld(planned)) await open(planned);
    // Last: what is exclusive, has a place to itself, or has a store, cannot be open twice, so that for a moment there is none.
    const going = new Set([...holders.values()].filter((holder) => holder !== undefined));
    if (going.size > 0) await this.#handOver([...going], { undo, handovers });
    for (const planned of missing) if (isHeld(planned)) await open(planned);
    return opened;
  }

  /** The instance that has to go before another one opens: of an exclusive component, or with the same place or store. */
  #holderBefore({ key, configured, hasStore }: InstancePlan, kept: ReadonlyMap<string, Instance>) {
    const { component } = configured;
    const holds = ({ plan }: Instance) =>
      (component.exclusive && plan.configured.component === component) ||
      (component.ownsPlace && plan.key === key) ||
      (hasStore && plan.hasStore && plan.key === key);
    return this.graph.instances.find(
      (instance) => holds(instance) && kept.get(instance.key) !== instance && !instance.isClosed,
    );
  }

  /** Batches for them wait meanwhile. */
  async #handOver(
    holders: readonly Instance[],
    { undo, handovers }: Pick<Change, 'undo' | 'handovers'>,
  ): Promise<void> {
    const { graph } = this;
    const retiring = this.#retire(holders);
    await retiring.quiesce();
    const begun = holders.map((holder): Handover => ({ key: holder.key, to: graph.hold(holder) }));
    await retiring.close();
    for (const [index, holder] of holders.entries())
      undo.push(async () => begun[index]?.to(await this.#reopen(holder)));
    handovers.push(...begun);
  }

  /** After a failed change, with its former settings; undefined: it cannot be opened any more. */
  async #reopen(holder: Instance): Promise<Instance | undefined> {
    const { graph } = this;
    try {
      const providedBy = (id: string) => providedIn([graph], id);
      const instance = await openInstance(holder.plan, { ...this.#context, providedBy });
      instance.start();
      return instance;
    } catch (error) {
      const sentence = 'Component is closed, and cannot be opened with its former settings.';
      this.#context.health.unhealthy(holder.subject, messageOf(error), { sentence });
      return undefined;
    }
  }

  #close(instances: readonly Instance[]): Promise<void> {
    const { world, services } = this.#context;
    return closeInstances(instances, { ...world, services, limit: nanoseconds(0) });
  }

  async #swap(next: Graph, handovers: readonly Handover[]): Promise<void> {
    const { health } = this.#context;
    const before = this.graph.instances;
    const gone = before.filter((instance) => !next.has(instance));
    const retiring = this.#retire(gone.filter(({ isClosed }) => !isClosed));
    for (const { subject } of gone) health.forget(subject);
    this.#flow.swap(next);
    for (const { key, to } of handovers) to(next.get(key));
    if (gone.length > 0) await retiring.quiesce();
    for (const instance of next.instances) if (!before.includes(instance)) instance.start();
    await retiring.close();
    for (const { subject, key } of gone) if (!next.get(key)) health.forget(subject);
    this.#flow.forgetFormer();
  }
}

function providedIn(graphs: readonly { get(key: string): Instance | undefined }[], id: string) {
  for (const graph of graphs) {
    const opened = graph.get(extensionKey(id))?.opened;
    if (opened?.kind === 'extension') return opened.provided;
  }
  return undefined;
}
