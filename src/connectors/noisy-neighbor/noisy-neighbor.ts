import type { ConnectorComponent } from '../../component.ts';
import { noisyNeighborConfig, noisyNeighborProblems } from './config.ts';
import { noisyNeighborEmits } from './emits.ts';

export const noisyNeighbor: ConnectorComponent<typeof noisyNeighborConfig> = {
  kind: 'connector',
  type: 'noisy_neighbor',
  summary:
    'Says why workloads wait for CPU and because of which others: scores as metrics, findings as logs.',
  connects: [
    { from: 'metrics', to: 'metrics', stability: 'development' },
    { from: 'metrics', to: 'logs', stability: 'development' },
  ],
  config: noisyNeighborConfig,
  check: noisyNeighborProblems,
  emits: noisyNeighborEmits,
  open: async (config, host) => (await import('./judge.ts')).openJudge(config, host),
};
