import { pino } from 'pino';
import type { Closable, Host, Running, ServiceRef, Task, UsedBy } from '../../src/component.ts';
import { createCounters } from '../../src/telemetry/counters.ts';
import type { Emits } from '../../src/telemetry/emits.ts';
import { declaredCounters } from './declared.ts';
import { FakeClock } from './fake-clock.ts';
import { noKernel } from './fake-kernel.ts';
import { fakeMachine } from './fake-machine.ts';

/** A host without a kernel: output and logs can be read back, tasks of services run, undeclared counters refused. */
export function fakeHost(id: string, emits?: Emits) {
  const logged: string[] = [];
  const tasks: Task[] = [];
  const services = new Map<object, Map<string, Promise<Closable>>>();
  const { machine, printed } = fakeMachine();
  const host: Host = {
    id,
    log: pino({}, { write: (line: string) => void logged.push(line) }),
    counters: emits ? declaredCounters(emits) : createCounters(),
    signals: new Set(['metrics', 'logs']),
    kernel: noKernel,
    clock: new FakeClock(),
    machine,
    use<T extends Closable, Settings>(ref: ServiceRef<T, Settings>, by?: UsedBy<Settings>) {
      const instances = services.get(ref) ?? new Map<string, Promise<T>>();
      services.set(ref, instances);
      const opened =
        instances.get(by?.key ?? '') ??
        ref.open(this, by?.settings as Settings).then((service: T & Running) => {
          tasks.push(...(service.tasks ?? []));
          return service;
        });
      instances.set(by?.key ?? '', opened);
      return opened as Promise<T>;
    },
  };
  return {
    ...{ host, printed, logged },
    /** Runs each task of the services once. */
    async runTasks() {
      for (const task of tasks) await task.run(new AbortController().signal);
    },
    async closeServices() {
      for (const service of [...services.values()].flatMap((instances) => [...instances.values()]))
        await (await service).close();
    },
  };
}

/** A host whose standard output has a slow reader. */
export function slowHost(id: string, taken: Promise<void>): Host {
  const { host } = fakeHost(id);
  const terminal = { ...host.machine.terminal, print: () => taken };
  return { ...host, machine: { ...host.machine, terminal } };
}
