import type { ResourceMetrics, ScopeMetrics } from '@opentelemetry/sdk-metrics';
import { type MetricMessage, metricMessage, metricOf } from './metric.ts';
import type { Message } from './proto.ts';
import {
  type AttributedMessage,
  type Received,
  type ReceivedResource,
  type ReceivedScope,
  received,
  receivedOf,
  resourceGroup,
  resourceOf,
  scopeGroup,
  scopeOf,
} from './received.ts';

interface MetricsRequest {
  readonly resourceMetrics?: readonly {
    readonly resource?: AttributedMessage;
    readonly schemaUrl?: string;
    readonly scopeMetrics?: readonly {
      readonly scope?: AttributedMessage;
      readonly schemaUrl?: string;
      readonly metrics?: readonly MetricMessage[];
    }[];
  }[];
}

export const resourceMetricsOf = ({ resourceMetrics = [] }: MetricsRequest): readonly ResourceMetrics[] =>
  resourceMetrics.map((group): Received<ResourceMetrics, ReceivedResource> => {
    const of = resourceOf(group);
    const scopeMetrics = (group.scopeMetrics ?? []).map((ofScope): Received<ScopeMetrics, ReceivedScope> => {
      const scope = scopeOf(ofScope, of);
      return { scope: scope.model, metrics: (ofScope.metrics ?? []).map(metricOf), [received]: scope };
    });
    return { resource: of.model, scopeMetrics, [received]: of };
  });

/** Metrics of resources that were received, as a request. */
export const metricsMessage = (resourceMetrics: readonly ResourceMetrics[]): Message => ({
  resourceMetrics: resourceMetrics.map((group) => {
    const before = receivedOf<ReceivedResource>(group);
    if (before === undefined) throw new Error('metrics that were not received');
    return resourceGroup(group.resource, before, { scopeMetrics: group.scopeMetrics.map(scopeMessage) });
  }),
});

function scopeMessage(group: ScopeMetrics): Message {
  const items = { metrics: group.metrics.map(metricMessage) };
  const before = receivedOf<ReceivedScope>(group);
  if (before) return scopeGroup(before, items);
  const { name, version, schemaUrl } = group.scope;
  return { scope: { name, version }, ...items, schemaUrl };
}
