import type { Attributes } from '@opentelemetry/api';
import type { ContainerFacts, ImageFacts, OwnerFacts, PodFacts } from '../../identity/facts.ts';
import { resourceAttributes } from '../../telemetry/attributes/resource.ts';

export interface ServiceRules {
  /** Whether labels of other tools (`app.kubernetes.io/…`) set the service. */
  readonly useLabels: boolean;
}

/** Prefix of annotations that set attributes of the pod's telemetry. */
export const annotationPrefix = 'resource.opentelemetry.io/';

const nameLabels = ['app.kubernetes.io/instance', 'app.kubernetes.io/name'] as const;
const versionLabel = 'app.kubernetes.io/version';
/** Owners that name a service, before the pod's own name. */
const namingKinds = ['Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet', 'CronJob', 'Job'] as const;

/**
 * A pod's service by the rules of OpenTelemetry's conventions for Kubernetes. `service.instance.id` is the
 * caller's, as it depends on the cgroup.
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

/** The service of a container outside Kubernetes, by the labels of Compose. */
export function containerService(container: ContainerFacts): Attributes {
  const label = (key: string) => textOf(container.labels?.[`com.docker.compose.${key}`]);
  return defined({
    [resourceAttributes.serviceName.key]: label('service') ?? container.name,
    [resourceAttributes.serviceNamespace.key]: label('project'),
    [resourceAttributes.serviceVersion.key]: versionOf(container.image),
  });
}

/** The value of an attribute by the pod's annotations. */
export function annotated(pod: PodFacts, attribute: string): string | undefined {
  return textOf(pod.annotations?.[annotationPrefix + attribute]);
}

function versionOf(image: ImageFacts | undefined): string | undefined {
  const { tag, digest } = image ?? {};
  return tag !== undefined && digest !== undefined ? `${tag}@${digest}` : (digest ?? tag);
}

const textOf = (text: string | undefined) => (text === '' ? undefined : text);
const first = (found: readonly (string | undefined)[]) => found.find((each) => each !== undefined);

/** Without undefined attributes. */
export function defined(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
