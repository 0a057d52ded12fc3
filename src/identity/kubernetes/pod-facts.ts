import { parseImageReference } from '../containers/image-reference.ts';
import type { ContainerFacts, OwnerFacts, PodFacts, ResourceFacts } from '../facts.ts';
import { type JsonObject, listIn, objectIn, textIn } from '../json.ts';
import { parseQuantity } from './quantity.ts';

export interface PodAnswer {
  readonly pod: PodFacts;
  /** Created ones: the others have no id yet. */
  readonly containers: readonly ContainerFacts[];
}

/**
 * Longer annotations are of no use for selection, and often (`last-applied-configuration`) half of a pod's text.
 */
const longestAnnotation = 1024;

const qosClasses: Readonly<Record<string, NonNullable<PodFacts['qos']>>> = {
  Guaranteed: 'guaranteed',
  Burstable: 'burstable',
  BestEffort: 'besteffort',
};

/** The facts in a `v1.Pod` of any Kubernetes since 1.20, from the API or a kubelet; undefined: it has no uid. */
export function podFacts(pod: unknown): PodAnswer | undefined {
  const { metadata: itsMetadata, spec: itsSpec, status: itsStatus } = objectIn(pod);
  const [metadata, spec, status] = [objectIn(itsMetadata), objectIn(itsSpec), objectIn(itsStatus)];
  const uid = textIn(metadata.uid);
  if (uid === undefined) return undefined;
  const annotations = textsIn(metadata.annotations);
  return {
    pod: known<PodFacts>({
      uid,
      configHash: annotations?.['kubernetes.io/config.mirror'] ?? annotations?.['kubernetes.io/config.hash'],
      name: textIn(metadata.name),
      namespace: textIn(metadata.namespace),
      node: textIn(spec.nodeName),
      qos: qosClasses[textIn(status.qosClass) ?? ''],
      startTime: textIn(status.startTime),
      labels: textsIn(metadata.labels),
      annotations,
      owners: controllerIn(metadata),
      resources: resourcesIn(spec.resources),
      containerResources: resourcesByName(spec),
    }),
    containers: [
      ...containersIn(uid, spec.initContainers, status.initContainerStatuses, 'init'),
      ...containersIn(uid, spec.containers, status.containerStatuses, 'container'),
      ...containersIn(uid, spec.ephemeralContainers, status.ephemeralContainerStatuses, 'ephemeral'),
    ],
  };
}

/** The controller of an object, as a list of one or none. A mirror pod's is its node, which is no workload. */
export function controllerIn(metadata: JsonObject): readonly OwnerFacts[] | undefined {
  for (const reference of listIn(metadata.ownerReferences).map(objectIn)) {
    const [kind, name] = [textIn(reference.kind), textIn(reference.name)];
    if (reference.controller === true && kind !== undefined && name !== undefined && kind !== 'Node')
      return [known<OwnerFacts>({ kind, name, uid: textIn(reference.uid) })];
  }
  return undefined;
}

type Role = NonNullable<ContainerFacts['role']>;

function containersIn(podUid: string, specs: unknown, statuses: unknown, role: Role): ContainerFacts[] {
  const specOf = new Map(listIn(specs).map((spec) => [objectIn(spec).name, objectIn(spec)]));
  return listIn(statuses).flatMap((item) => {
    const status = objectIn(item);
    const spec = objectIn(specOf.get(status.name));
    const restartCount = countIn(status.restartCount);
    const pulled = parseImageReference(textIn(status.imageID)?.replace(/^[\w-]+:\/\//, ''));
    // The image of the specification: of an image's names the runtime may report any.
    const image =
      parseImageReference(textIn(spec.image)) ?? parseImageReference(textIn(status.image)) ?? pulled;
    const of = (containerId: string | undefined, restarts: number | undefined): ContainerFacts[] => {
      const [, runtime, id] = /^(?:([\w-]+):\/\/)?([^/\s]+)$/.exec(containerId ?? '') ?? [];
      if (id === undefined) return [];
      return [
        known<ContainerFacts>({
          id,
          name: textIn(status.name),
          runtime,
          // With a restart policy of its own it does not end: a sidecar (Kubernetes 1.28 and later).
          role: role === 'init' && spec.restartPolicy === 'Always' ? 'container' : role,
          podUid,
          image: image && pulled?.digest !== undefined ? { ...image, digest: pulled.digest } : image,
          restartCount: restarts,
          // Those in force, which a resize in place changes (Kubernetes 1.27 and later), else those of the specification.
          resources: resourcesIn(status.resources ?? spec.resources),
        }),
      ];
    };
    const id = textIn(status.containerID);
    // The container before a restart may have been too short-lived to be listed while it ran.
    const lastId = textIn(objectIn(objectIn(status.lastState).terminated).containerID);
    const before = restartCount ? restartCount - 1 : undefined;
    return [...(lastId === id ? [] : of(lastId, before)), ...of(id, restartCount)];
  });
}

function resourcesByName(spec: JsonObject): Readonly<Record<string, ResourceFacts>> | undefined {
  const asked = [spec.initContainers, spec.containers, spec.ephemeralContainers]
    .flatMap(listIn)
    .map(objectIn)
    .flatMap((container): [string, ResourceFacts][] => {
      const [name, resources] = [textIn(container.name), resourcesIn(container.resources)];
      return name === undefined || resources === undefined ? [] : [[name, resources]];
    });
  return asked.length > 0 ? Object.fromEntries(asked) : undefined;
}

function resourcesIn(value: unknown): ResourceFacts | undefined {
  const { requests, limits } = objectIn(value);
  const cpuRequest = cpusIn(objectIn(requests).cpu);
  const cpuLimit = cpusIn(objectIn(limits).cpu);
  if (cpuRequest === undefined && cpuLimit === undefined) return undefined;
  return known<ResourceFacts>({ cpuRequest, cpuLimit });
}

function cpusIn(value: unknown): number | undefined {
  const cpus = typeof value === 'number' ? value : parseQuantity(textIn(value) ?? '');
  return cpus !== undefined && cpus >= 0 ? cpus : undefined;
}

function countIn(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function textsIn(value: unknown): Readonly<Record<string, string>> | undefined {
  const entries = Object.entries(objectIn(value)).filter(
    (entry): entry is [string, string] =>
      typeof entry[1] === 'string' && entry[1].length <= longestAnnotation,
  );
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

/** Without undefined fields. */
function known<Facts extends object>(facts: { [Key in keyof Facts]: Facts[Key] | undefined }): Facts {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as Facts;
}
