import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { identifyPath, type PathIdentity } from '../../src/kernel/cgroup-path.ts';

/** Two ids of 64 hex digits, and a pod in both spellings of its uid. */
const id = '3f'.repeat(32);
const outer = 'a0'.repeat(32);
const uid = 'f6f2d169-f2ae-4afa-95ed-06ff2ed6b288';
const uid_ = uid.replaceAll('-', '_');
const hash = '7260904bbd08e72e4dff95d9fccd2ee8';
const task = '37f1b3d3c6f74de9a1d1c55dd8aa6b4d';

interface Case extends PathIdentity {
  /** Which software lays cgroups out so. */
  readonly origin: string;
  readonly path: string;
}

const container = 'container';
const burstable = '/kubepods.slice/kubepods-burstable.slice';
const inPod = { kind: container, containerId: id, podUid: uid } as const;

const cases: readonly Case[] = [
  // --- a kubelet with the systemd driver
  {
    origin: 'containerd, burstable',
    path: `${burstable}/kubepods-burstable-pod${uid_}.slice/cri-containerd-${id}.scope`,
    ...inPod,
    runtime: 'containerd',
    qos: 'burstable',
  },
  {
    origin: 'containerd, guaranteed: no class in the path',
    path: `/kubepods.slice/kubepods-pod${uid_}.slice/cri-containerd-${id}.scope`,
    ...inPod,
    runtime: 'containerd',
    qos: 'guaranteed',
  },
  {
    origin: 'CRI-O, guaranteed',
    path: `/kubepods.slice/kubepods-pod${uid_}.slice/crio-${id}.scope`,
    ...inPod,
    runtime: 'cri-o',
    qos: 'guaranteed',
  },
  {
    origin: 'CRI-O puts the processes one level deeper',
    path: `${burstable}/kubepods-burstable-pod${uid_}.slice/crio-${id}.scope/container`,
    ...inPod,
    runtime: 'cri-o',
    qos: 'burstable',
  },
  {
    origin: 'Docker through dockershim or cri-dockerd',
    path: `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${uid_}.slice/docker-${id}.scope`,
    ...inPod,
    runtime: 'docker',
    qos: 'besteffort',
  },
  {
    origin: 'an older containerd: slice, runtime and id in one name',
    path: `/system.slice/containerd.service/kubepods-besteffort-pod${uid_}.slice:cri-containerd:${id}`,
    ...inPod,
    runtime: 'containerd',
    qos: 'besteffort',
  },
  {
    origin: 'an older CRI-O, likewise',
    path: `/system.slice/crio.service/kubepods-burstable-pod${uid_}.slice:crio:${id}`,
    ...inPod,
    runtime: 'cri-o',
    qos: 'burstable',
  },
  {
    origin: 'a static pod: a hash of its manifest instead of a uid',
    path: `${burstable}/kubepods-burstable-pod${hash}.slice/cri-containerd-${id}.scope`,
    kind: container,
    containerId: id,
    runtime: 'containerd',
    podUid: hash,
    qos: 'burstable',
  },
  {
    origin: 'systemd inside a container',
    path: `${burstable}/kubepods-burstable-pod${uid_}.slice/cri-containerd-${id}.scope/system.slice/nginx.service`,
    ...inPod,
    runtime: 'containerd',
    qos: 'burstable',
  },
  {
    origin: 'the pod itself',
    path: `${burstable}/kubepods-burstable-pod${uid_}.slice`,
    kind: 'pod',
    podUid: uid,
    qos: 'burstable',
  },
  {
    origin: 'the monitor of a container in a pod, CRI-O',
    path: `${burstable}/kubepods-burstable-pod${uid_}.slice/crio-conmon-${id}.scope`,
    kind: 'pod',
    podUid: uid,
    qos: 'burstable',
    isHelper: true,
  },
  { origin: 'a class of pods', path: burstable, kind: 'slice', unit: 'kubepods-burstable.slice' },
  { origin: 'all pods', path: '/kubepods.slice', kind: 'slice', unit: 'kubepods.slice' },

  // --- a kubelet with the cgroupfs driver
  {
    origin: 'containerd or Docker: the bare id',
    path: `/kubepods/besteffort/pod${uid}/${id}`,
    ...inPod,
    qos: 'besteffort',
  },
  {
    origin: 'guaranteed: no class in the path',
    path: `/kubepods/pod${uid}/${id}`,
    ...inPod,
    qos: 'guaranteed',
  },
  {
    origin: 'CRI-O keeps its prefix',
    path: `/kubepods/besteffort/pod${uid}/crio-${id}`,
    ...inPod,
    runtime: 'cri-o',
    qos: 'besteffort',
  },
  {
    origin: 'a container that makes cgroups of its own (kube-proxy)',
    path: `/kubepods/besteffort/pod${uid}/${id}/kube-proxy`,
    ...inPod,
    qos: 'besteffort',
  },
  {
    origin: 'a static pod',
    path: `/kubepods/burstable/pod${hash}/${id}`,
    kind: container,
    containerId: id,
    podUid: hash,
    qos: 'burstable',
  },
  {
    origin: 'the pod itself',
    path: `/kubepods/burstable/pod${uid}`,
    kind: 'pod',
    podUid: uid,
    qos: 'burstable',
  },
  { origin: 'a class of pods', path: '/kubepods/burstable', kind: 'cgroup' },

  // --- Kubernetes within containers
  {
    origin: 'kind: a kubelet with a prefix, inside a Docker container that is the node',
    path: `/docker/${outer}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod${uid_}.slice/cri-containerd-${id}.scope`,
    ...inPod,
    runtime: 'containerd',
    qos: 'besteffort',
  },
  {
    origin: 'minikube: cgroupfs inside a Docker scope',
    path: `/system.slice/docker-${outer}.scope/kubepods/burstable/pod${uid}/${id}`,
    ...inPod,
    qos: 'burstable',
  },
  {
    origin: 'kind: the kubelet of the node, not in a pod',
    path: `/docker/${outer}/kubelet.slice/kubelet.service`,
    kind: container,
    containerId: outer,
    runtime: 'docker',
  },
  {
    origin: 'kind: what lies between the pods and the node',
    path: `/docker/${outer}/kubelet.slice/kubelet-kubepods.slice`,
    kind: container,
    containerId: outer,
    runtime: 'docker',
  },
  {
    origin: 'kind inside a pod: the inner pod counts, and its class',
    path: `${burstable}/kubepods-burstable-pod${hash}.slice/cri-containerd-${outer}.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${uid_}.slice/cri-containerd-${id}.scope`,
    ...inPod,
    runtime: 'containerd',
    qos: 'guaranteed',
  },
  {
    origin: 'Docker in a pod of Kubernetes',
    path: `/kubepods/burstable/pod${uid}/${outer}/docker/${id}`,
    ...inPod,
    runtime: 'docker',
    qos: 'burstable',
  },

  {
    origin: 'a kubelet with a cgroup root of its own',
    path: `/node.slice/node-kubepods.slice/node-kubepods-burstable.slice/node-kubepods-burstable-pod${uid_}.slice/cri-containerd-${id}.scope`,
    ...inPod,
    runtime: 'containerd',
    qos: 'burstable',
  },

  // --- seen from inside a cgroup namespace
  {
    origin: 'a neighbour pod: its class lies above',
    path: `/../../pod${uid}/${id}`,
    ...inPod,
  },
  {
    origin: 'a neighbour container',
    path: `/../cri-containerd-${id}.scope`,
    kind: container,
    containerId: id,
    runtime: 'containerd',
  },

  // --- runtimes without Kubernetes
  { origin: 'Docker, cgroupfs', path: `/docker/${id}`, kind: container, containerId: id, runtime: 'docker' },
  {
    origin: 'Docker, systemd',
    path: `/system.slice/docker-${id}.scope`,
    kind: container,
    containerId: id,
    runtime: 'docker',
  },
  {
    origin: 'Docker, with an init in a cgroup of its own',
    path: `/system.slice/docker-${id}.scope/init`,
    kind: container,
    containerId: id,
    runtime: 'docker',
  },
  {
    origin: 'Docker in Docker',
    path: `/docker/${outer}/docker/${id}`,
    kind: container,
    containerId: id,
    runtime: 'docker',
  },
  {
    origin: 'Docker under a parent of the user’s choice',
    path: `/batch.slice/docker-${id}.scope`,
    kind: container,
    containerId: id,
    runtime: 'docker',
  },
  {
    origin: 'containerd, namespace of Kubernetes',
    path: `/k8s.io/${id}`,
    kind: container,
    containerId: id,
    runtime: 'containerd',
  },
  {
    origin: 'containerd, default namespace, a name instead of an id (ctr)',
    path: '/default/web',
    kind: container,
    containerId: 'web',
    runtime: 'containerd',
  },
  {
    origin: 'containerd, default namespace (nerdctl)',
    path: `/default/${id}`,
    kind: container,
    containerId: id,
    runtime: 'containerd',
  },
  {
    origin: 'nerdctl, systemd',
    path: `/system.slice/nerdctl-${id}.scope`,
    kind: container,
    containerId: id,
    runtime: 'containerd',
  },
  {
    origin: 'Podman of root',
    path: `/machine.slice/libpod-${id}.scope/container`,
    kind: container,
    containerId: id,
    runtime: 'podman',
  },
  {
    origin: 'Podman of a user',
    path: `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${id}.scope`,
    kind: container,
    containerId: id,
    runtime: 'podman',
  },
  {
    origin: 'Podman, split cgroups',
    path: `/machine.slice/libpod-payload-${id}`,
    kind: container,
    containerId: id,
    runtime: 'podman',
  },
  {
    origin: 'Podman as a systemd service (Quadlet)',
    path: `/system.slice/web.service/libpod-payload-${id}`,
    kind: container,
    containerId: id,
    runtime: 'podman',
  },
  {
    origin: 'Podman pod',
    path: `/machine.slice/machine-libpod_pod_${outer}.slice/libpod-${id}.scope`,
    kind: container,
    containerId: id,
    runtime: 'podman',
  },
  {
    origin: 'Podman, cgroupfs',
    path: `/libpod_parent/libpod-${id}`,
    kind: container,
    containerId: id,
    runtime: 'podman',
  },
  {
    origin: 'the monitor of a Podman container',
    path: `/machine.slice/libpod-conmon-${id}.scope`,
    kind: 'scope',
    unit: `libpod-conmon-${id}.scope`,
    isHelper: true,
  },
  {
    origin: 'the monitor of a CRI-O container, outside its pod',
    path: `/system.slice/crio-conmon-${id}.scope`,
    kind: 'scope',
    unit: `crio-conmon-${id}.scope`,
    isHelper: true,
  },
  {
    origin: 'Amazon ECS and Fargate',
    path: `/ecs/${task}/${task}-1234567890`,
    kind: container,
    containerId: `${task}-1234567890`,
  },
  {
    origin: 'Amazon ECS, an older agent',
    path: `/ecs/55091c13-b8cf-4801-b527-f4601742204d/${id}`,
    kind: container,
    containerId: id,
  },
  {
    origin: 'Amazon ECS on systemd',
    path: `/ecstasks.slice/ecstasks-${task}.slice/docker-${id}.scope`,
    kind: container,
    containerId: id,
    runtime: 'docker',
  },
  {
    origin: 'Garden (Cloud Foundry)',
    path: '/garden/6f265890-5165-7fab-6b52-18d1',
    kind: container,
    containerId: '6f265890-5165-7fab-6b52-18d1',
  },
  { origin: 'LXC before 4', path: '/lxc/web', kind: container, containerId: 'web', runtime: 'lxc' },
  {
    origin: 'Proxmox: LXC with a namespace below',
    path: '/lxc/101/ns/system.slice/cron.service',
    kind: container,
    containerId: '101',
    runtime: 'lxc',
  },
  {
    origin: 'LXC since 4, with systemd inside',
    path: '/lxc.payload.web-1/system.slice/nginx.service',
    kind: container,
    containerId: 'web-1',
    runtime: 'lxc',
  },
  { origin: 'the monitor of an LXC container', path: '/lxc.monitor.web-1', kind: 'cgroup' },
  {
    origin: 'Docker inside LXC',
    path: `/lxc.payload.web-1/docker/${id}`,
    kind: container,
    containerId: id,
    runtime: 'docker',
  },

  // --- systemd and plain cgroups
  { origin: 'a service', path: '/system.slice/docker.service', kind: 'service', unit: 'docker.service' },
  {
    origin: 'a service that makes cgroups of its own',
    path: '/system.slice/systemd-udevd.service/udev',
    kind: 'service',
    unit: 'systemd-udevd.service',
  },
  {
    origin: 'an instance of a template, with an escaped dash',
    path: '/system.slice/system-serial\\x2dgetty.slice/serial-getty@ttyS0.service',
    kind: 'service',
    unit: 'serial-getty@ttyS0.service',
  },
  {
    origin: 'a service with an escaped dash in its name',
    path: '/system.slice/my\\x2dapp.service',
    kind: 'service',
    unit: 'my-app.service',
  },
  {
    origin: 'a mount with a process behind it',
    path: '/system.slice/mnt-data.mount',
    kind: 'service',
    unit: 'mnt-data.mount',
  },
  { origin: 'the process that is systemd', path: '/init.scope', kind: 'scope', unit: 'init.scope' },
  {
    origin: 'systemd-run --scope',
    path: '/system.slice/run-u42.scope',
    kind: 'scope',
    unit: 'run-u42.scope',
  },
  { origin: 'a slice', path: '/system.slice', kind: 'slice', unit: 'system.slice' },
  {
    origin: 'a login session',
    path: '/user.slice/user-1000.slice/session-3.scope',
    kind: 'user',
    unit: 'session-3.scope',
  },
  {
    origin: 'an application on a desktop',
    path: '/user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox-42.scope',
    kind: 'user',
    unit: 'app-firefox-42.scope',
  },
  {
    origin: 'a service of a Kubernetes node without systemd (Talos)',
    path: '/podruntime/kubelet',
    kind: 'cgroup',
  },
  { origin: 'the root', path: '/', kind: 'root' },
  { origin: 'a cgroup made by hand', path: '/my-experiment/a', kind: 'cgroup' },
  { origin: 'a name that only looks like a pod', path: '/podcast', kind: 'cgroup' },
  { origin: 'an id one digit short', path: `/${id.slice(1)}`, kind: 'cgroup' },
];

for (const { origin, path, ...identity } of cases)
  test(`${origin}: ${path}`, () => {
    assert.deepEqual(identifyPath(path), identity);
  });

test('whatever a cgroup is called, its path is something', () => {
  const segment = fc.oneof(
    fc.string(),
    fc.constantFrom('kubepods', 'kubepods.slice', 'burstable', 'docker', 'lxc', '..', ':::', `pod${uid}`, id),
  );
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 6 }), (segments) => {
      const { kind, containerId, podUid } = identifyPath(`/${segments.join('/')}`);
      assert.equal(kind === 'container', containerId !== undefined);
      assert.ok(kind !== 'pod' || podUid !== undefined);
    }),
    { numRuns: 2000 },
  );
});
