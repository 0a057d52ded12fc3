import type { Logger } from 'pino';
import { cgroups as cgroupsRef } from '../cgroup/cgroups.ts';
import { type Closable, type Running, type ServiceHost, serviceRef } from '../component.ts';
import { type CgroupId, milliseconds, type Nanoseconds, type UnixNanoseconds } from '../telemetry/units.ts';
import { allSources, type IdentityConfig, settingsOf } from './config.ts';
import { createFinder } from './find.ts';
import type { Identity } from './identity.ts';
import { type NameStatus, PendingNames } from './pending.ts';
import type { Source, SourceContext, SourceName } from './source.ts';
import { sourceKinds } from './sources.ts';
import { IdentityStore } from './store.ts';

/** The workloads of this machine's cgroups: by path, and by the facts of container runtimes and Kubernetes. */
export interface Identities extends Closable {
  /** The same object until the facts about it change. */
  find(id: CgroupId, at: UnixNanoseconds): Identity;
  /** By the path that data states instead of an id. */
  atPath(path: string): Identity;
  /** Whether a source may still name it; if so, its name is looked up. */
  nameStatus(id: CgroupId, at: UnixNanoseconds): NameStatus;
}

/** How a source is opened; undefined: there is no such source. */
export type OpenSource = (name: SourceName, context: SourceContext) => Source | undefined;

export interface IdentitySettings {
  readonly config: IdentityConfig;
  /** How long a name stays pending. */
  readonly hold: Nanoseconds;
  keepAnnotation(key: string): boolean;
  /** Default: the sources of this machine. */
  readonly openSource?: OpenSource | undefined;
}

export const identities = serviceRef({ id: 'identities', open: openIdentities });

const tickEvery = milliseconds(250);

async function openIdentities(host: ServiceHost, settings: IdentitySettings): Promise<Identities & Running> {
  const { config, keepAnnotation, hold } = settings;
  const { log, counters, clock } = host;
  const cgroups = await host.use(cgroupsRef);
  const order = config.sources ?? allSources;
  const elapsed = () => clock.elapsed();
  const store = new IdentityStore({
    ...{ order, counters, elapsed, keepAnnotation, component: host.id },
    keepRemoved: config.keep_removed,
    limit: config.max_known,
  });
  const sources = await openSources(order, { host, store, settings });
  const { find, atPath } = createFinder({
    store,
    elapsed,
    cgroups,
  });
  const pending = new PendingNames({ store, sources, elapsed, hold });
  const warnOfAbsent = absentWarner(log);
  return {
    find,
    atPath,
    nameStatus: (id, at) => pending.statusOf(id, find(id, at)),
    tasks: [
      {
        name: 'sources',
        every: tickEvery,
        run() {
          for (const source of sources) source.tick();
          if (config.sources) warnOfAbsent(sources);
          store.sweep();
        },
      },
    ],
    close: () => closeAll(sources),
  };
}

interface Opening {
  readonly host: ServiceHost;
  readonly store: IdentityStore;
  readonly settings: IdentitySettings;
}

/** All of them, or none. */
async function openSources(
  names: readonly SourceName[],
  { host, store, settings: { config, openSource } }: Opening,
): Promise<readonly Source[]> {
  const { log, counters, clock, machine } = host;
  const openOwn = async (name: SourceName, context: SourceContext) =>
    (await sourceKinds[name].load())(settingsOf(config, name), context, machine);
  const open = openSource ?? openOwn;
  const context = { log, counters, elapsed: () => clock.elapsed(), random: () => clock.random() };
  const sources: Source[] = [];
  try {
    for (const name of names) {
      const source = await open(name, { ...context, facts: store.sinkOf(name) });
      if (source) sources.push(source);
    }
    return sources;
  } catch (error) {
    await closeAll(sources);
    throw error;
  }
}

/** Warns once of each configured source that is absent; of default ones absence is usual. */
function absentWarner(log: Logger): (sources: readonly Source[]) => void {
  const warned = new Set<SourceName>();
  return (sources) => {
    for (const { name, state, reason } of sources) {
      if (state !== 'absent' || warned.has(name)) continue;
      warned.add(name);
      log.warn({ source: name }, `no names from ${name} so far: ${reason}`);
    }
  };
}

async function closeAll(sources: readonly Source[]): Promise<void> {
  await Promise.all(sources.map((source) => source.close()));
}
