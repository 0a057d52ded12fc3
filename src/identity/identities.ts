import type { Logger } from 'pino';
import type { Closable, Host } from '../component.ts';
import { allSources, settingsOf, type WorkloadConfig } from '../processors/workload/config.ts';
import { createExtract } from '../processors/workload/extract.ts';
import type { Outlook } from '../processors/workload/hold-queue.ts';
import type { Reference } from '../processors/workload/references.ts';
import { milliseconds, type Nanoseconds } from '../telemetry/units.ts';
import { createIdentify, type Identify } from './identify.ts';
import { keptAnnotations } from './kept-annotations.ts';
import { Awaited } from './pending.ts';
import type { Source, SourceContext, SourceName } from './source.ts';
import { sourceKinds } from './sources.ts';
import { Directory } from './store.ts';

/** Who everybody is: what the instances of one processor, one for each pipeline, have in common. */
export interface Names extends Closable {
  readonly identify: Identify;
  /** To be called often; the sources do what is due. */
  tick(): void;
  look(reference: Reference): Outlook;
}

/** How a source is opened; undefined: there is no such source. */
export type OpenSource = (name: SourceName, context: SourceContext) => Source | undefined;

/** Sources want to be called four times a second, whoever calls. */
const tickEvery = milliseconds(200);

export async function openNames(
  config: WorkloadConfig,
  host: Host,
  openSource: OpenSource = (name, context) =>
    sourceKinds[name].open(settingsOf(config, name), context, { rootPath: host.kernel.rootPath ?? '/' }),
): Promise<Names> {
  const order = config.sources ?? allSources;
  const { log, counters, kernel } = host;
  const elapsed = () => host.elapsed();
  const directory = new Directory({
    ...{ order, counters, elapsed, component: host.id },
    keepRemoved: config.keep_removed,
    limit: config.max_known,
    keepAnnotation: keptAnnotations(config),
  });
  const context = { log, counters, elapsed, random: Math.random };
  const sources: Source[] = [];
  try {
    for (const name of order) {
      const source = openSource(name, { ...context, facts: directory.factsOf(name) });
      if (source) sources.push(source);
    }
  } catch (error) {
    await closeAll(sources);
    throw error;
  }
  const identify = createIdentify({
    ...{ directory, elapsed, cgroups: kernel.cgroups, cgroupFiles: kernel.cgroupFiles },
    selected: createExtract(config.extract),
    useLabels: config.service_labels,
    withStartTime: config.pod_start_time,
    ...(config.cluster_name && { clusterName: config.cluster_name }),
    ...(config.node_name && { nodeName: config.node_name }),
  });
  const awaited = new Awaited({ directory, sources, elapsed, hold: config.hold });
  const warnOfAbsent = absentWarner(log);
  let ticked: Nanoseconds | undefined;
  return {
    identify,
    look: ({ id, at }) => awaited.look(id, identify(id, at).identity),
    tick() {
      const now = elapsed();
      if (ticked !== undefined && now - ticked < tickEvery) return;
      ticked = now;
      for (const source of sources) source.tick();
      if (config.sources) warnOfAbsent(sources);
      directory.sweep();
    },
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
