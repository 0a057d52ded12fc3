type Qos = 'guaranteed' | 'burstable' | 'besteffort';

/** What a cgroup's path says of who runs in it. Layouts and their origins: `test/kernel-units/cgroup-path.test.ts`. */
export interface PathIdentity {
  readonly kind: 'container' | 'pod' | 'service' | 'user' | 'scope' | 'slice' | 'root' | 'cgroup';
  readonly containerId?: string;
  readonly runtime?: string;
  readonly podUid?: string;
  /** Unknown where the path begins inside the pod's class. */
  readonly qos?: Qos;
  /** systemd unit. */
  readonly unit?: string;
  /** A helper of the container runtime (conmon), not the container itself. */
  readonly isHelper?: boolean;
}

/** Hex id of most runtimes; 32 hex and a number on ECS; uuid-like on Cloud Foundry. */
const generatedId = /^(?:[0-9a-f]{64}|[0-9a-f]{32}-\d{1,10}|[0-9a-f]{8}(?:-[0-9a-f]{4}){4})$/;
/** `pod<uid>` with either driver, and the 32 hex digits of a static pod; a kubelet may be told a prefix. */
const podSegment =
  /^(?:(?:.+-)?kubepods-)?(?:(burstable|besteffort)-)?pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?$/;
const kubeSegment = /^(?:.+-)?kubepods(?:-(burstable|besteffort))?(?:\.slice)?$/;
const helperSegment = /^(?:crio|libpod)-conmon-/;
const runtimePrefixes = [
  ['cri-containerd-', 'containerd'],
  ['crio-', 'cri-o'],
  ['docker-', 'docker'],
  ['libpod-payload-', 'podman'],
  ['libpod-', 'podman'],
  ['nerdctl-', 'containerd'],
] as const;
const runtimeNames: Readonly<Record<string, string>> = { 'cri-containerd': 'containerd', crio: 'cri-o' };
/** Directories in which a runtime keeps its containers, whatever those are called. */
const runtimeDirectories: Readonly<Record<string, string>> = {
  docker: 'docker',
  default: 'containerd',
  'k8s.io': 'containerd',
  lxc: 'lxc',
};

type Pod = Pick<PathIdentity, 'podUid' | 'qos'>;

interface Container {
  readonly id: string;
  readonly runtime?: string;
}

/** The innermost container counts: in kind or docker-in-docker the outer one is only the node. */
export function identifyPath(path: string): PathIdentity {
  const segments = path
    .replaceAll('\\x2d', '-')
    .split('/')
    .filter((segment) => segment && segment !== '..');
  let isKube = false;
  let level: Qos | undefined; // the part of a kubelet's hierarchy this is in
  let pod: Pod | undefined;
  let isHelper = false;
  let container: Container | undefined;
  for (const [i, segment] of segments.entries()) {
    const kube = kubeSegment.exec(segment);
    if (kube) {
      isKube = true;
      level = kube[1] as Qos | undefined;
      continue;
    }
    if (isKube && (segment === 'burstable' || segment === 'besteffort')) level = segment;
    // an older containerd under systemd: kubepods-…-pod<uid>.slice:cri-containerd:<id>
    const [first = '', runtime, id] = segment.split(':');
    const named = podSegment.exec(first);
    if (named) {
      isKube ||= first.includes('kubepods');
      const qos = (named[1] as Qos | undefined) ?? level ?? (isKube ? 'guaranteed' : undefined);
      pod = { podUid: (named[2] ?? '').replaceAll('_', '-'), ...(qos ? { qos } : {}) };
      container = runtime && id ? { id, runtime: runtimeNames[runtime] ?? runtime } : undefined;
      continue;
    }
    if (helperSegment.test(segment)) isHelper = true;
    else container = containerIn(segment, segments[i - 1], i === 1) ?? container;
  }
  if (container)
    return {
      kind: 'container',
      containerId: container.id,
      ...(container.runtime === undefined ? {} : { runtime: container.runtime }),
      ...pod,
    };
  if (pod) return { kind: 'pod', ...pod, ...(isHelper ? { isHelper } : {}) };
  return { ...unitIn(segments), ...(isHelper ? { isHelper } : {}) };
}

function containerIn(segment: string, parent: string | undefined, isSecond: boolean): Container | undefined {
  const lxc = /^lxc\.payload\.(.+)$/.exec(segment)?.[1];
  if (lxc) return { id: lxc, runtime: 'lxc' };
  const name = segment.replace(/\.scope$/, '');
  const inDirectory = parent === undefined ? undefined : runtimeDirectories[parent];
  for (const [prefix, runtime] of runtimePrefixes) {
    const id = name.slice(prefix.length);
    if (name.startsWith(prefix) && generatedId.test(id)) return { id, runtime };
  }
  if (generatedId.test(name)) return inDirectory ? { id: name, runtime: inDirectory } : { id: name };
  return isSecond && inDirectory ? { id: name, runtime: inDirectory } : undefined;
}

function unitIn(segments: readonly string[]): PathIdentity {
  const last = segments.at(-1);
  if (last === undefined) return { kind: 'root' };
  const service = segments.find((segment) => /\.(?:service|socket|mount|swap)$/.test(segment));
  if (segments[0] === 'user.slice') return { kind: 'user', unit: last };
  if (service) return { kind: 'service', unit: service };
  if (last.endsWith('.scope')) return { kind: 'scope', unit: last };
  if (last.endsWith('.slice')) return { kind: 'slice', unit: last };
  return { kind: 'cgroup' };
}
