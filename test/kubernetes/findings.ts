import { culpritAttributes } from '../../src/telemetry/attributes/culprit.ts';
import { findingAttributes, findingEventName } from '../../src/telemetry/attributes/finding.ts';
import { workloadAttributes } from '../../src/telemetry/attributes/workload.ts';
import type { OtlpReceiver } from '../lab/otlp-receiver.ts';
import type { PodWatch } from './pods.ts';
import { events, type ReceivedRecord } from './received.ts';
import { checkout, hog } from './workloads.ts';

/** Findings that a noisy neighbor hurts the one workload that requests more than it uses. */
export const noisyNeighbors = (backend: OtlpReceiver, pods: PodWatch): readonly ReceivedRecord[] =>
  events(backend, findingEventName).filter(({ resource, record: { attributes } }) => {
    const [victim, culprit] = [
      resource[workloadAttributes.containerId.key],
      attributes[culpritAttributes.containerId.key],
    ];
    return (
      attributes[findingAttributes.verdict.key] === 'noisy_neighbor' &&
      pods.find(checkout.namespace, /^checkout-/, checkout.container).some(({ id }) => id === victim) &&
      pods.find(hog.namespace, /^etl-/, hog.container).some(({ id }) => id === culprit)
    );
  });
