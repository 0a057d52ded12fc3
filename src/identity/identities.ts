import type { Logger } from 'pino';
import { type Closable, type Running, type ServiceHost, serviceRef } from '../component.ts';
import { allSources, settingsOf, type WorkloadConfig } from '../processors/workload/config.ts';
import { createExtract } from '../processors/workload/extract.ts';
import type { Reference } from '../processors/workload/references.ts';
import { milliseconds } from '../telemetry/units.ts';
import { createIdentify, type Identify } from './identify.ts';
import { keptAnnotations } from './kept-annotations.ts';
import { type NameStatus, PendingNames } from './pending.ts';
import type { Source, SourceContext, SourceName } from './source.ts';
import { sourceKinds } from './sources.ts';
import { IdentityStore } from './store.ts';

/** Who everybody is: what the instances of one processor, one for each pipeline, have in common. */
export interface Names extends Closable {
  readonly identify: Identify;
  statusOf(reference: Reference): NameStatus;
}

/** How a source is opened; undefined: there is no such source. */
export type OpenSource = (name: SourceName, context: SourceContext) => Source | undefined;

/** How often sources look at what is due. */
const tickEvery = milliseconds(250);

export interface NamesSettings {
  readonly config: WorkloadConfig;
  /** Absent: the sources there are. */
  readonly openSource?: OpenSource;
}

export const names = serviceRef({ id: 'names', open: openNames });

async function openNames(
  host: ServiceHost,
  {
    config,
    openSource = (name, context) =>
      sourceKinds[name].open(settingsOf(config, name), context, { rootPath: host.kernel.rootPath ?? '/' }),
  }: NamesSettings,
): Promise<Names & Running> {
  const order = config.sources ?? allSources;
  const { log, counters, kernel } = host;
  const elapsed = () => host.clock.elapsed();
  const store = new IdentityStore({
    ...{ order, counters, elapsed, component: host.id },
    keepRemoved: config.keep_removed,
    limit: config.max_known,
    keepAnnotation: keptAnnotations(config),
  });
  const context = { log, counters, elapsed, random: () => host.clock.random() };
  const sources: Source[] = [];
  try {
    for (const name of order) {
      const source = openSource(name, { ...context, facts: store.sinkOf(name) });
      if (source) sources.push(source);
    }
  } catch (error) {
    await closeAll(sources);
    throw error;
  }
  const identify = createIdentify({
    ...{ store, elapsed, cgroups: kernel.cgroups, cgroupFiles: kernel.cgroupFiles },
    selected: createExtract(config.extract),
    useLabels: config.service_labels,
    withStartTime: config.pod_start_time,
    ...(config.cluster_name && { clusterName: config.cluster_name }),
    ...(config.node_name && { nodeName: config.node_name }),
  });
  const pending = new PendingNames({ store, sources, elapsed, hold: config.hold });
  const warnOfAbsent = absentWarner(log);
  return {
    identify,
    statusOf: ({ id, at }) => pending.statusOf(id, identify(id, at).identity),
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

/** Each once: somebody wrote it down, so somebody wants it. Of those only looked for it is no news. */
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
