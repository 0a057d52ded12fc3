import type { Closable, Running, ServiceHost, ServiceRef, UsedBy } from '../component.ts';
import type { RunningTask } from './tasks.ts';

export interface ServicesContext {
  /** The host of a service, by its id. */
  hostOf(id: string): ServiceHost;
  /** Starts the tasks of an opened service. */
  start(id: string, running: Running): readonly RunningTask[];
}

interface Service {
  readonly name: string;
  readonly opened: Promise<Running>;
  tasks: readonly RunningTask[];
}

/** The services in use: each opened once, by the first component that asks, and closed after all of them. */
export class Services {
  readonly #context: ServicesContext;
  readonly #byRef = new Map<object, Map<string, Service>>();

  constructor(context: ServicesContext) {
    this.#context = context;
  }

  use<T extends Closable, Settings>(ref: ServiceRef<T, Settings>, by?: UsedBy<Settings>): Promise<T> {
    const instances = this.#byRef.get(ref) ?? new Map<string, Service>();
    this.#byRef.set(ref, instances);
    const key = by?.key ?? '';
    const service = instances.get(key) ?? this.#open(ref, by);
    instances.set(key, service);
    service.opened.catch(() => instances.delete(key)); // its user reports why
    return service.opened as Promise<T & Running>; // what `ref` opened
  }

  #open<T extends Closable, Settings>(ref: ServiceRef<T, Settings>, by?: UsedBy<Settings>): Service {
    const name = by === undefined ? ref.id : `${ref.id} of ${by.key}`;
    const opened: Promise<Running> = ref
      .open(this.#context.hostOf(by?.key ?? ref.id), by?.settings as Settings)
      .then((running) => {
        service.tasks = this.#context.start(ref.id, running);
        return running;
      });
    const service: Service = { name, opened, tasks: [] };
    return service;
  }

  /** All of them, the last opened first, with their tasks ended. */
  takeAll(): readonly { readonly name: string; close(): Promise<void> }[] {
    const all = [...this.#byRef.values()].flatMap((instances) => [...instances.values()]).reverse();
    this.#byRef.clear();
    return all.map((service) => ({
      name: service.name,
      async close() {
        const running = await service.opened;
        await Promise.all(service.tasks.map((task) => task.stop()));
        await running.close();
      },
    }));
  }
}
