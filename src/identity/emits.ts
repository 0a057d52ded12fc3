import { failureReasons } from '../net/request-error.ts';
import { counter, listed } from '../telemetry/emits.ts';

export const identityCounters = {
  sourceErrors: counter({
    name: 'earshot.agent.source.errors',
    unit: '{request}',
    meaning: `Failed requests to a source of names (container runtime, kubelet, API server), by source and reason; they are retried. Reasons: ${listed(failureReasons)}.`,
    isLoss: false,
  }),
  sourceLists: counter({
    name: 'earshot.agent.source.lists',
    unit: '{list}',
    meaning: 'Complete lists of containers or pods read from a source of names.',
    isLoss: false,
  }),
  namesDropped: counter({
    name: 'earshot.agent.names.dropped',
    unit: '{name}',
    meaning: 'Pods and containers (`reason`) evicted early because there were more than `max_known`.',
    isLoss: true,
  }),
} as const;
