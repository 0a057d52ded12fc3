import type { Introspection, Origin, Outcome } from '../component.ts';
import type { Batch } from '../telemetry/batch.ts';
import type { Health, Subject } from '../telemetry/health.ts';
import { hostOf } from './host.ts';
import { Instance } from './instance.ts';
import { openComponent, type Provided } from './open-component.ts';
import { type InstancePlan, nameOf } from './plan-graph.ts';
import type { Services, User } from './services.ts';
import { StartError } from './start-error.ts';
import type { World } from './world.ts';

export interface OpenContext {
  readonly world: World;
  readonly health: Health;
  readonly services: Services;
  /** What an extension sees of the agent. */
  introspectionFor(subject: Subject): Introspection;
  deliver(from: Instance, batch: Batch, origin?: Origin): Promise<Outcome>;
}

/** Those that are open for the same configuration. */
export interface Extensions {
  providedBy(id: string): Provided | undefined;
}

/** Opens the component of a plan; its pulls and tasks begin when it is started. Throws a `StartError`. */
export async function openInstance(
  plan: InstancePlan,
  { world, health, services, introspectionFor, deliver, providedBy }: OpenContext & Extensions,
): Promise<Instance> {
  const { subject, signals, configured } = plan;
  const user: User = { config: configured.config };
  const host = hostOf(subject, { world, services, user });
  const openStore = async (id: string) => {
    const provided = providedBy(id);
    if (provided?.provides !== 'storage')
      throw new Error(`cannot open a store: no storage "${id}" is running`);
    return provided.storage.openStore(plan.key);
  };
  const authenticator = (id: string) => {
    const provided = providedBy(id);
    if (provided?.provides !== 'authenticator')
      throw new Error(`cannot authenticate: no authenticator "${id}" is running`);
    return provided.authenticator;
  };
  try {
    const opened = await openComponent(configured, {
      host: { ...host, signals, openStore, authenticator },
      agent: introspectionFor(subject),
      sending: { ...world, log: host.log, id: subject.id, health },
    });
    return new Instance(plan, { opened, user, context: { ...world, health, deliver } });
  } catch (error) {
    await services.release([user]);
    throw new StartError(nameOf(plan), error);
  }
}
