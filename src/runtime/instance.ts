import type { Origin, Outcome, Producer } from '../component.ts';
import type { Configured } from '../config/config.ts';
import { outcomeOfPut } from '../delivery/outcome.ts';
import type { TimerClock } from '../machine/clock.ts';
import type { Batch } from '../telemetry/batch.ts';
import type { Counters } from '../telemetry/counters.ts';
import type { Health } from '../telemetry/health.ts';
import { type Nanoseconds, nanoseconds } from '../telemetry/units.ts';
import type { Opened } from './open-component.ts';
import { type InstancePlan, nameOf } from './plan-graph.ts';
import type { User } from './services.ts';
import { type RunningTask, startTask } from './tasks.ts';
import { startTicker, type Ticker } from './ticker.ts';

export interface InstanceContext {
  readonly clock: TimerClock;
  readonly counters: Counters;
  readonly health: Health;
  /** Hands a batch that the instance yields by itself to the pipelines behind it. */
  deliver(from: Instance, batch: Batch, origin?: Origin): Promise<Outcome>;
}

/** An opened component with all that the runtime does for it. It may outlive the graph for which it was opened. */
export class Instance {
  readonly opened: Opened;
  /** As a user of services. */
  readonly user: User;
  readonly #plan: InstancePlan;
  readonly #context: InstanceContext;
  #configured: InstancePlan['configured'];
  #tickers: readonly Ticker[] = [];
  #tasks: readonly RunningTask[] = [];
  #isCancelled = false;
  #isClosed = false;

  constructor(plan: InstancePlan, parts: { opened: Opened; user: User; context: InstanceContext }) {
    this.#plan = plan;
    this.#configured = plan.configured;
    this.opened = parts.opened;
    this.user = parts.user;
    this.#context = parts.context;
  }

  get key(): string {
    return this.#plan.key;
  }

  get subject(): InstancePlan['subject'] {
    return this.#plan.subject;
  }

  /** `exporter "otlp_grpc"` */
  get name(): string {
    return nameOf(this.#plan);
  }

  /** What it was opened for, with the settings that it has now. */
  get plan(): InstancePlan {
    return { ...this.#plan, configured: this.#configured };
  }

  /** Whether it has taken other settings; otherwise it goes on with those it has. */
  async reconfigure(configured: Configured<InstancePlan['configured']['component']>): Promise<boolean> {
    if ((await this.opened.running.reconfigure?.(configured.config)) !== 'applied') return false;
    this.#configured = configured;
    return true;
  }

  /** Begins its pulls and tasks. */
  start(): void {
    const { subject } = this;
    const { clock, counters, health, deliver } = this.#context;
    const { opened } = this;
    const context = { subject, clock, counters, health };
    this.#tasks = (opened.running.tasks ?? []).map((task) => startTask(task, context));
    if (opened.kind === 'exporter' || opened.kind === 'extension') return;
    if (opened.kind === 'processor') {
      const { running } = opened;
      if (running.refusal) health.watch(subject, () => running.refusal?.()?.reason);
    }
    const { pulls = [] }: Producer = opened.running;
    this.#tickers = pulls.map((pull) =>
      startTicker(pull, {
        ...context,
        deliver: (batch) => deliver(this, batch),
      }),
    );
    if (opened.kind === 'receiver')
      opened.running.listen?.((...received) => this.#deliverReceived(...received));
  }

  /** One batch that was sent to it; none after the end of its pulls. */
  async #deliverReceived(batch: Batch, origin: Origin = {}): Promise<Outcome> {
    if (this.#isCancelled) return outcomeOfPut('shutdown');
    return this.#context.deliver(this, batch, origin);
  }

  /** Since when its longest collection is under way. */
  get collectingSince(): Nanoseconds | undefined {
    const since = this.#tickers.flatMap(({ collectingSince }) => collectingSince ?? []);
    return since.length > 0 ? nanoseconds(Math.min(...since)) : undefined;
  }

  /** An offer that waits for its delivery does not wait between attempts any more. */
  skipBackoff(): void {
    if (this.opened.kind === 'exporter') this.opened.sender.skipBackoff();
  }

  /** Collects a last time; what is sent to it ends. */
  async stopPulls(): Promise<void> {
    const { opened } = this;
    await Promise.all([
      ...this.#tickers.map((ticker) => ticker.stop()),
      opened.kind === 'receiver' && opened.running.stopListening?.(),
    ]);
  }

  /** What a collection that goes on still yields is dropped. */
  cancelPulls(): void {
    this.#isCancelled = true;
    for (const ticker of this.#tickers) ticker.cancel();
  }

  async stopTasks(): Promise<void> {
    await Promise.all(this.#tasks.map((task) => task.stop()));
  }

  /** Delivers what the component holds. */
  async flush(): Promise<void> {
    const { opened } = this;
    if (opened.kind === 'exporter' || opened.kind === 'extension') return;
    const { running }: { readonly running: Producer } = opened;
    for (const batch of running.flush?.() ?? []) await this.#context.deliver(this, batch);
  }

  /** Keeps what the next run of the component needs. */
  async save(): Promise<void> {
    const { opened } = this;
    if (opened.kind === 'exporter' || opened.kind === 'extension') return;
    const { running }: { readonly running: Producer } = opened;
    await running.save?.();
  }

  async closeSender(limit: Nanoseconds): Promise<void> {
    if (this.opened.kind === 'exporter') await this.opened.sender.close(limit);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return this.opened.running.close();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }
}
