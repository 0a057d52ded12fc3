import type { Attributes } from '@opentelemetry/api';
import type { ContainerFacts, ImageFacts, OwnerFacts, PodFacts } from '../../identity/facts.ts';
import { resourceAttributes } from '../../telemetry/attributes/resource.ts';

export interface ServiceRules {
  /** Whether labels that other tools set (`app.kubernetes.io/…`) say what the service is. */
  readonly useLabels: boolean;
}

/** By which a pod's owner, or whoever deploys it, sets an attribute of its telemetry. */
export const annotationPrefix = 'resource.opentelemetry.io/';

const nameLabels = ['app.kubernetes.io/instance', 'app.kubernetes.io/name'] as const;
const versionLabel = 'app.kubernetes.io/version';
/** What names a service, before the pod's own name does. */
const namingKinds = ['Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet', 'CronJob', 'Job'] as const;

/**
 * A pod's service by the rules of OpenTelemetry's conventions for Kubernetes. `service.instance.id` is the caller's, who
 * knows which cgroup it is.
 */
export function podService(
  of: {
    readonly pod: PodFacts;
    readonly owners: readonly OwnerFacts[];
    readonly container: ContainerFacts | undefined;
  },
  { useLabels }: ServiceRules,
): Attributes {
  const { pod, owners, container } = of;
  const label = (key: string) => (useLabels ? textOf(pod.labels?.[key]) : undefined);
  const owner = (kind: string) => owners.find((each) => each.kind === kind)?.name;
  return defined({
    [resourceAttributes.serviceName.key]:
      annotated(pod, resourceAttributes.serviceName.key) ??
      first(nameLabels.map(label)) ??
      first(namingKinds.map(owner)) ??
      pod.name ??
      container?.name,
    [resourceAttributes.serviceNamespace.key]:
      annotated(pod, resourceAttributes.serviceNamespace.key) ?? pod.namespace,
    [resourceAttributes.serviceVersion.key]:
      annotated(pod, resourceAttributes.serviceVersion.key) ??
      label(versionLabel) ??
      versionOf(container?.image),
  });
}

/** A container's outside Kubernetes: Compose, where it comes from it, says what the service is. */
export function containerService(container: ContainerFacts): Attributes {
  const label = (key: string) => textOf(container.labels?.[`com.docker.compose.${key}`]);
  return defined({
    [resourceAttributes.serviceName.key]: label('service') ?? container.name,
    [resourceAttributes.serviceNamespace.key]: label('project'),
    [resourceAttributes.serviceVersion.key]: versionOf(container.image),
  });
}

/** What an annotation of the pod says of an attribute. */
export function annotated(pod: PodFacts, attribute: string): string | undefined {
  return textOf(pod.annotations?.[annotationPrefix + attribute]);
}

function versionOf(image: ImageFacts | undefined): string | undefined {
  const { tag, digest } = image ?? {};
  return tag !== undefined && digest !== undefined ? `${tag}@${digest}` : (digest ?? tag);
}

const textOf = (text: string | undefined) => (text === '' ? undefined : text);
const first = (found: readonly (string | undefined)[]) => found.find((each) => each !== undefined);

/** Without what is not known. */
export function defined(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
