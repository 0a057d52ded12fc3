import { isDeepStrictEqual } from 'node:util';
import type { Closable, Running, ServiceHost, ServiceRef, UsedBy } from '../component.ts';
import type { RunningTask } from './tasks.ts';

export interface ServicesContext {
  /** The host of a service. */
  hostOf(id: string, user: User): ServiceHost;
  /** Starts the tasks of an opened service. */
  start(id: string, running: Running): readonly RunningTask[];
  /** Closes one; must not throw. */
  close(name: string, work: () => Promise<void>): Promise<void>;
}

/** An opened component or service that may use services. */
export interface User {
  /** Its settings in the configuration. */
  readonly config?: unknown;
}

interface Service {
  readonly ref: object;
  readonly by: (Pick<UsedBy<unknown>, 'key'> & User) | undefined;
  readonly name: string;
  readonly users: Set<User>;
  /** As a user of others. */
  readonly user: User;
  readonly opened: Promise<Running>;
  tasks: readonly RunningTask[];
}

/** The services in use: each opened once, by its first user, and closed after the last one. */
export class Services {
  readonly #context: ServicesContext;
  /** In the order of opening. */
  readonly #services = new Set<Service>();
  readonly #released = new WeakSet<User>();

  constructor(context: ServicesContext) {
    this.#context = context;
  }

  async use<T extends Closable, Settings>(
    user: User,
    ref: ServiceRef<T, Settings>,
    by?: UsedBy<Settings>,
  ): Promise<T> {
    if (this.#released.has(user)) throw new Error(`cannot use the service ${ref.id}: its user is closed`);
    const service = this.#find(user, ref, by) ?? this.#open(user, ref, by);
    service.users.add(user);
    return service.opened as Promise<T & Running>; // what `ref` opened
  }

  /** Ends the use of services by some users, and closes those that have no user any more, the last opened first. */
  async release(users: readonly User[]): Promise<void> {
    for (const user of users) {
      this.#released.add(user);
      for (const service of this.#services) service.users.delete(user);
    }
    for (;;) {
      const unused = [...this.#services].findLast((service) => service.users.size === 0);
      if (unused === undefined) return;
      this.#services.delete(unused);
      await this.#context.close(unused.name, () => close(unused));
      for (const service of this.#services) service.users.delete(unused.user);
    }
  }

  /** Keeps those that are open now open, until its result is released. */
  hold(): User {
    const holder: User = {};
    for (const { users } of this.#services) users.add(holder);
    return holder;
  }

  #find(user: User, ref: object, by?: Pick<UsedBy<unknown>, 'key'>): Service | undefined {
    const isMeant = (service: Service) =>
      service.by?.key === by?.key && (by === undefined || isDeepStrictEqual(service.by?.config, user.config));
    return [...this.#services].find((service) => service.ref === ref && isMeant(service));
  }

  #open<T extends Closable, Settings>(
    user: User,
    ref: ServiceRef<T, Settings>,
    by?: UsedBy<Settings>,
  ): Service {
    const own: User = {};
    const host = this.#context.hostOf(by?.key ?? ref.id, own);
    const opened: Promise<Running> = ref.open(host, by?.settings as Settings).then(
      (running) => {
        service.tasks = this.#context.start(ref.id, running);
        return running;
      },
      async (error: unknown) => {
        this.#services.delete(service);
        await this.release([own]);
        throw error;
      },
    );
    const service: Service = {
      ...{ ref, opened, user: own, users: new Set(), tasks: [] },
      name: by === undefined ? ref.id : `${ref.id} of ${by.key}`,
      by: by && { key: by.key, config: user.config },
    };
    this.#services.add(service);
    return service;
  }
}

async function close(service: Service): Promise<void> {
  const running = await service.opened;
  await Promise.all(service.tasks.map((task) => task.stop()));
  await running.close();
}
