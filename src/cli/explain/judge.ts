import { type Component, type Host, resultsOf } from '../../component.ts';
import { components } from '../../components.ts';
import type { Config, Configured } from '../../config/config.ts';
import { loadConfig } from '../../config/load.ts';
import type { Batch } from '../../telemetry/batch.ts';

/** What judges the batches of a receiver: with names from paths alone. */
const chain = {
  receivers: { scheduler: {} },
  processors: { workload: { sources: [] }, contention: {} },
  connectors: { noisy_neighbor: {} },
  exporters: { debug: {} },
  service: {
    pipelines: {
      metrics: {
        receivers: ['scheduler'],
        processors: ['workload', 'contention'],
        exporters: ['noisy_neighbor'],
      },
      logs: { receivers: ['noisy_neighbor'], exporters: ['debug'] },
    },
  },
};

/** With all defaults. */
export const ownConfig = (): Config =>
  loadConfig(
    { files: ['explain'], sets: [], environment: {}, readFile: () => JSON.stringify(chain) },
    components,
  );

/** Opens the chain; `contention` and `noisy_neighbor` have the settings of a configuration where it has such a component. */
export async function openJudge(host: Host, config?: Config): Promise<(batch: Batch) => void> {
  const own = ownConfig();
  const processors = [...(config?.processors.values() ?? []), ...own.processors.values()];
  const connectors = [...(config?.connectors.values() ?? []), ...own.connectors.values()];
  const workload = firstOf('workload', [...own.processors.values()]);
  const contention = firstOf('contention', processors);
  const connector = firstOf('noisy_neighbor', connectors);
  const naming = await workload.component.open(workload.config, host);
  const relating = await contention.component.open(contention.config, host);
  const { storage: _, ...settings } = connector.config; // what is usual on this machine is not so in a recording
  const judging = await connector.component.open(settings, host);
  return (batch) => {
    for (const named of resultsOf(naming.process(batch)))
      for (const related of resultsOf(relating.process(named))) judging.connect(related);
  };
}

function firstOf<C extends Component>(type: string, all: readonly Configured<C>[]): Configured<C> {
  const found = all.find(({ component }) => component.type === type);
  if (!found) throw new Error(`the chain has a ${type}`);
  return found;
}
