import { pino } from 'pino';
import { type Cgroups, cgroups as cgroupsRef } from '../../src/cgroup/cgroups.ts';
import type {
  Closable,
  ExtensionHost,
  Host,
  Introspection,
  Running,
  ServiceRef,
  Task,
  UsedBy,
} from '../../src/component.ts';
import { endsWithin } from '../../src/machine/clock.ts';
import { createCounters } from '../../src/telemetry/counters.ts';
import type { Emits } from '../../src/telemetry/emits.ts';
import { resource } from '../../src/telemetry/metrics/build.ts';
import type { UnixNanoseconds } from '../../src/telemetry/units.ts';
import { declaredCounters } from './declared.ts';
import { FakeBpf } from './fake-bpf.ts';
import { FakeCgroups } from './fake-cgroups.ts';
import { FakeClock } from './fake-clock.ts';
import { fakeMachine } from './fake-machine.ts';
import { MemoryStore } from './memory-store.ts';

/** An agent in which nothing runs. */
const noAgent: Introspection = {
  health: () => ({ phase: 'ready', since: 0n as UnixNanoseconds, troubles: [] }),
  graph: () => ({ nodes: [], edges: [] }),
  tap: () => ({ close: async () => {} }),
  config: () => '',
  reload: async () => ({ opened: [], closed: [], reconfigured: [], kept: [] }),
};

/** A host without a kernel: output and logs can be read back, tasks of services run, undeclared counters refused. */
export function fakeHost(id: string, emits?: Emits, cgroups: Cgroups = new FakeCgroups()) {
  const logged: string[] = [];
  const tasks: Task[] = [];
  const services = new Map<object, Map<string, Promise<Closable>>>([
    [cgroupsRef, new Map([['', Promise.resolve(cgroups)]])],
  ]);
  const { machine, printed } = fakeMachine();
  const clock = new FakeClock();
  const host: ExtensionHost = {
    id,
    agent: noAgent,
    log: pino({}, { write: (line: string) => void logged.push(line) }),
    counters: emits ? declaredCounters(emits) : createCounters(),
    signals: new Set(['metrics', 'logs']),
    bpf: new FakeBpf(),
    clock,
    endsWithin: (limit, work) => endsWithin(clock, limit, work),
    machine,
    ownResource: resource({ 'service.name': 'earshot' }),
    openStore: async () => new MemoryStore(),
    authenticator: () => ({
      headers: async () => ({ authorization: 'Bearer fake' }),
      renew: async () => false,
      async close() {},
    }),
    hostSettings() {
      throw new Error('no service of this test has settings');
    },
    use<T extends Closable, Settings>(ref: ServiceRef<T, Settings>, by?: UsedBy<Settings>) {
      const instances = services.get(ref) ?? new Map<string, Promise<Closable>>();
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
    ...{ host, printed, logged, tasks },
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
