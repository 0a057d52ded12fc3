import { RequestError } from '../../../net/request-error.ts';
import type { ContainerFacts, PodFacts } from '../../facts.ts';
import { type JsonObject, listIn, objectIn, textIn } from '../../json.ts';
import type { ListedContainer, Listing, RuntimeEvent, RuntimeInfo } from '../client.ts';
import { parseImageReference } from '../image-reference.ts';

/** How cri-dockerd keeps a pod's annotations: as labels with this prefix. */
const annotationPrefix = 'annotation.';
/** Labels that a kubelet and cri-dockerd add to the pod's and the container's own. */
const ownLabels = ['io.kubernetes.', annotationPrefix];

type Texts = Readonly<Record<string, string>>;

/** The answer to `/version`. */
export function runtimeInfo(answer: unknown): RuntimeInfo & { readonly isPodman: boolean } {
  const { Version: version, Components: components } = fields(answer, '/version');
  const isPodman = listIn(components).some((component) => objectIn(component).Name === 'Podman Engine');
  return {
    runtime: `${isPodman ? 'podman' : 'docker'} ${textIn(version) ?? ''}`.trim(),
    hasEvents: true,
    isPodman,
  };
}

/** The answer to `/containers/json`. */
export function listing(answer: unknown, runtime: string): Listing {
  if (!Array.isArray(answer)) throw new RequestError('invalid_response', '/containers/json answered no list');
  const entries = answer.map((entry) => listed(entry, runtime));
  const pods = new Map(entries.flatMap(({ pod }) => (pod ? [[pod.uid, pod]] : [])));
  return { pods: [...pods.values()], containers: entries.map(({ container }) => container) };
}

function listed(entry: unknown, runtime: string): { container: ListedContainer; pod?: PodFacts } {
  const { Id, Names, Image, Labels, State } = fields(entry, '/containers/json');
  const labels = labelsIn(Labels, runtime);
  const facts = containerFacts({ id: Id, name: listIn(Names)[0], image: Image, labels }, runtime);
  const pod = facts.role === 'sandbox' ? podFacts(labels) : undefined;
  // If the image's tag now belongs to another image, the list has only its id.
  const isComplete = facts.image !== undefined;
  const container = { facts, hasEnded: State === 'exited' || State === 'dead', isComplete };
  return { container, ...(pod && { pod }) };
}

/** The answer to `/containers/{id}/json`. Its limits are left to its cgroup, which has the figures of now. */
export function inspected(answer: unknown, runtime: string): ContainerFacts {
  const { Id, Name, Config } = fields(answer, '/containers/{id}/json');
  const { Image, Labels } = objectIn(Config);
  return containerFacts({ id: Id, name: Name, image: Image, labels: labelsIn(Labels, runtime) }, runtime);
}

/** A line of `/events`; undefined: nothing that names or ends a container. */
export function event(answer: unknown): RuntimeEvent | undefined {
  const { Type, Action, Actor, status, id: plainId } = fields(answer, '/events');
  const action = textIn(Action) ?? textIn(status);
  const id = textIn(objectIn(Actor).ID) ?? textIn(plainId);
  if (id === undefined || (Type !== undefined && Type !== 'container')) return undefined;
  switch (action) {
    case 'create':
    case 'start':
    case 'restart':
    case 'rename':
    case 'update':
      return { kind: 'changed', id };
    case 'destroy': // Docker
    case 'remove': // Podman
      return { kind: 'gone', id };
    default:
      return undefined;
  }
}

/** Only Docker runs pods, through cri-dockerd. Labels at a user's Podman socket must not claim to be a pod's. */
function labelsIn(value: unknown, runtime: string): Texts {
  const labels = texts(value);
  return runtime === 'docker' ? labels : withoutOwn(labels);
}

interface Described {
  readonly id: unknown;
  readonly name: unknown;
  readonly image: unknown;
  readonly labels: Texts;
}

function containerFacts({ id, name, image, labels }: Described, runtime: string): ContainerFacts {
  const containerId = textIn(id);
  if (containerId === undefined) throw new RequestError('invalid_response', 'a container has no id');
  const named = labels['io.kubernetes.container.name'] ?? textIn(name)?.replace(/^\//, '');
  const podUid = labels['io.kubernetes.pod.uid'];
  const restarts = whole(Number(labels[`${annotationPrefix}io.kubernetes.container.restartCount`]));
  const isSandbox = labels['io.kubernetes.docker.type'] === 'podsandbox';
  const parsed = parseImageReference(textIn(image));
  return {
    id: containerId,
    runtime,
    ...(named && { name: named }),
    ...(isSandbox && { role: 'sandbox' as const }),
    ...(podUid && { podUid }),
    ...(parsed && { image: parsed }),
    ...(restarts !== undefined && { restartCount: restarts }),
    labels: withoutOwn(labels),
  };
}

function podFacts(labels: Texts): PodFacts | undefined {
  const uid = labels['io.kubernetes.pod.uid'];
  if (!uid) return undefined;
  const [name, namespace] = [labels['io.kubernetes.pod.name'], labels['io.kubernetes.pod.namespace']];
  const entries = Object.entries(labels);
  const annotations = Object.fromEntries(
    entries.flatMap(([key, value]) =>
      key.startsWith(annotationPrefix) ? [[key.slice(annotationPrefix.length), value]] : [],
    ),
  );
  const configHash = annotations['kubernetes.io/config.hash'];
  return {
    uid,
    ...(configHash && { configHash }),
    ...(name && { name }),
    ...(namespace && { namespace }),
    labels: withoutOwn(labels),
    annotations,
  };
}

function withoutOwn(labels: Texts): Texts {
  return Object.fromEntries(
    Object.entries(labels).filter(([key]) => !ownLabels.some((prefix) => key.startsWith(prefix))),
  );
}

function fields(value: unknown, path: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new RequestError('invalid_response', `${path} has an unexpected answer`);
}

function texts(value: unknown): Texts {
  return Object.fromEntries(
    Object.entries(objectIn(value)).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
}

function whole(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) ? value : undefined;
}
