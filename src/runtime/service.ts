import type { Logger } from 'pino';
import type { Closable, Connector, Host, Processor, Producer, Running, ServiceHost } from '../component.ts';
import type { Config } from '../config/config.ts';
import { type Connects, plan, type Role, type Vertex } from '../config/graph.ts';
import { printDuration } from '../config/schema/duration.ts';
import { createSender, type Sender } from '../delivery/sender.ts';
import type { Machine } from '../machine/machine.ts';
import type { Kernel } from '../receivers/scheduler/kernel.ts';
import { type Batch, itemCount, type Signal } from '../telemetry/batch.ts';
import type { Counters } from '../telemetry/counters.ts';
import { type Nanoseconds, nanoseconds, seconds } from '../telemetry/units.ts';
import { endsWithin, type TimerClock } from './clock.ts';
import { runtimeCounters } from './emits.ts';
import { createFlow } from './flow.ts';
import { Health, logFields, messageOf, type Subject } from './health.ts';
import { Services } from './services.ts';
import { type RunningTask, startTask } from './tasks.ts';
import { startTicker, type TickerContext } from './ticker.ts';

export interface World {
  readonly log: Logger;
  readonly counters: Counters;
  readonly kernel: Kernel;
  readonly clock: TimerClock;
  readonly machine: Machine;
}

export interface Service {
  readonly health: Health;
  /** Collects a last time, delivers what is queued within the deadline, closes everything. Never throws. */
  stop(): Promise<void>;
}

/** A component could not start; all that had started are closed again. */
export class StartError extends Error {
  override readonly name = 'StartError';
  /** The code of the cause, where it has one. */
  readonly code: string | undefined;

  constructor(component: string, cause: unknown) {
    super(`cannot start ${component}: ${messageOf(cause)}`, { cause });
    this.code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
  }
}

const shutdownLimit = seconds(5);
/** For each `close`, even if the deadline has passed: it is what detaches from the kernel. */
const closeLimit = seconds(1);

/** Starts extensions, exporters, connectors, processors and receivers, in this order. */
export async function startService(config: Config, world: World): Promise<Service> {
  const { log, counters, clock } = world;
  const health = new Health(log);
  const opened: { readonly name: string; readonly component: Closable }[] = [];
  const processors = new Map<string, Processor>();
  const connectors = new Map<string, Connector>();
  const senders = new Map<string, Sender>();
  const flow = createFlow({ processors, connectors, senders }, { counters, health });
  const pulls: (() => ReturnType<typeof startTicker>)[] = [];
  const starts: (() => readonly RunningTask[])[] = [];
  /** Batches that components hold, upstream first. */
  const held: (() => Promise<void>)[] = [];
  const services: Services = new Services({
    hostOf: (id) => ({ ...hostOf({ kind: 'service', id }, { world, services }), id }),
    start: (id, running) => startTasks({ kind: 'service', id }, running),
  });
  const startTasks = (subject: Subject, { tasks = [] }: Running) =>
    tasks.map((task) => startTask(task, { subject, clock, counters, health }));

  async function open<C extends Running>(
    subject: Subject,
    signals: ReadonlySet<Signal>,
    start: (host: Host) => Promise<C>,
  ): Promise<C> {
    const name = `${subject.kind} "${subject.id}"`;
    try {
      const component = await start({ ...hostOf(subject, { world, services }), signals });
      opened.push({ name, component });
      starts.push(() => startTasks(subject, component));
      return component;
    } catch (error) {
      await closeSenders(nanoseconds(0));
      await closeAll();
      throw new StartError(name, error);
    }
  }

  async function openVertex(vertex: Vertex): Promise<void> {
    const { role: kind, id, pipeline, instance } = vertex;
    const subject = { kind, id, ...(pipeline !== undefined && { pipeline }) };
    const signals = new Set(vertex.next.map(({ signal }) => signal));
    switch (kind) {
      case 'exporter': {
        const { component, config: settings } = configured(config.exporters, id);
        const exporter = await open(subject, signals, (host) => component.open(settings, host));
        const context = { ...world, log: log.child(logFields(subject)), id, health };
        senders.set(instance, createSender(exporter, context));
        return;
      }
      case 'connector': {
        if (connectors.has(instance)) return;
        const { component, config: settings } = configured(config.connectors, id);
        const connector = await open(subject, signals, (host) => component.open(settings, host));
        connectors.set(instance, connector);
        produce(vertex, connector);
        return;
      }
      case 'processor': {
        const { component, config: settings } = configured(config.processors, id);
        const processor = await open(subject, signals, (host) => component.open(settings, host));
        processors.set(instance, processor);
        produce(vertex, processor);
        return;
      }
      case 'receiver': {
        const { component, config: settings } = configured(config.receivers, id);
        const receiver = await open(subject, signals, (host) => component.open(settings, host));
        produce(vertex, receiver);
      }
    }
  }

  function produce(vertex: Vertex, producer: Producer): void {
    const { role: kind, id } = vertex;
    if (kind === 'exporter') return;
    const deliver = { receiver: accept, processor: letGo, connector: flow }[kind];
    const context: TickerContext = {
      ...{ kind, id, clock, counters, health },
      deliver: (batch) => deliver(vertex, batch),
    };
    for (const pull of producer.pulls ?? []) pulls.push(() => startTicker(pull, context));
    held.unshift(async () => {
      for (const batch of producer.flush?.() ?? []) await deliver(vertex, batch);
    });
  }

  /** Batches that a processor releases later were counted as incoming on arrival. */
  async function letGo(vertex: Vertex, batch: Batch): Promise<void> {
    const attributes = { processor: vertex.id, signal: batch.signal };
    counters.add(runtimeCounters.processorOutgoing, itemCount(batch), attributes);
    await flow(vertex, batch);
  }

  async function accept(vertex: Vertex, batch: Batch): Promise<void> {
    if (!vertex.next.some(({ signal }) => signal === batch.signal)) return;
    const attributes = { receiver: vertex.id };
    counters.add(runtimeCounters.receiverAccepted[batch.signal], itemCount(batch), attributes);
    await flow(vertex, batch);
  }

  const closeSenders = (limit: Nanoseconds) =>
    Promise.all([...senders.values()].map((sender) => sender.close(limit)));

  async function closeAll(): Promise<void> {
    for (const { name, component } of opened.splice(0).reverse())
      await inTime(`close ${name}`, closeLimit, () => component.close());
    for (const { name, close } of services.takeAll()) await inTime(`close ${name}`, closeLimit, close);
  }

  async function inTime(what: string, limit: Nanoseconds, work: () => Promise<unknown>): Promise<void> {
    try {
      const isDone = await endsWithin(clock, limit, work());
      if (!isDone) log.error(`cannot ${what}: not done within ${printDuration(limit)}`);
    } catch (error) {
      log.error(`cannot ${what}: ${messageOf(error)}`);
    }
  }

  log.info('Starting extensions...');
  for (const id of config.started) {
    const { component, config: settings } = configured(config.extensions, id);
    await open({ kind: 'extension', id }, new Set(), (host) => component.open(settings, host));
  }
  for (const vertex of startOrder(config)) await openVertex(vertex);
  const tickers = pulls.map((start) => start());
  const tasks = starts.flatMap((start) => start());
  log.info('Everything is ready. Begin running and processing data.');

  async function shutDown(): Promise<void> {
    log.info('Starting shutdown...');
    const end = clock.elapsed() + shutdownLimit;
    const left = () => nanoseconds(Math.max(0, end - clock.elapsed()));
    for (const sender of senders.values()) sender.hasten();
    await inTime('collect a last time', left(), () => Promise.all(tickers.map((ticker) => ticker.stop())));
    for (const ticker of tickers) ticker.abandon();
    await inTime('end what runs beside the batches', left(), () =>
      Promise.all(tasks.map((task) => task.stop())),
    );
    await inTime('let go what processors hold', left(), async () => {
      for (const release of held) await release();
    });
    await closeSenders(left());
    await closeAll();
    log.info('Shutdown complete.');
  }

  let stopped: Promise<void> | undefined;
  return {
    health,
    stop() {
      stopped ??= shutDown();
      return stopped;
    },
  };
}

/** Consumers open before their producers; one component kind at a time. */
function startOrder(config: Config): readonly Vertex[] {
  const connects: Connects = new Map(
    [...config.connectors].map(([id, { component }]) => [id, component.connects]),
  );
  const planned = plan(config.pipelines, connects);
  if (planned.kind === 'cycle') throw new Error('a checked configuration has no cycle');
  const roles: readonly Role[] = ['exporter', 'connector', 'processor', 'receiver'];
  return roles.flatMap((role) => planned.order.filter((vertex) => vertex.role === role).toReversed());
}

function configured<T>(components: ReadonlyMap<string, T>, id: string): T {
  const found = components.get(id);
  if (found === undefined)
    throw new Error(`a checked configuration has no reference to nothing, but to "${id}"`);
  return found;
}

function hostOf(
  subject: Subject,
  { world, services }: { readonly world: World; readonly services: Services },
): ServiceHost {
  const { counters, kernel, clock, machine } = world;
  return {
    ...{ id: subject.id, counters, kernel, clock, machine },
    log: world.log.child(logFields(subject)),
    use: services.use.bind(services),
  };
}
