import type { PathIdentity } from '../../../../src/cgroup/path/path-identity.ts';

/** A layout of cgroups: the software that makes it, an example, and its meaning. */
export type Layout = readonly [origin: string, path: string, identity: PathIdentity];

/** Two ids of 64 hex digits, and a pod in both spellings of its uid. */
export const id = '3f'.repeat(32);
export const outer = 'a0'.repeat(32);
export const uid = 'f6f2d169-f2ae-4afa-95ed-06ff2ed6b288';
const uid_ = uid.replaceAll('-', '_');
const hash = '7260904bbd08e72e4dff95d9fccd2ee8';
const task = '37f1b3d3c6f74de9a1d1c55dd8aa6b4d';
const allocation = '4744f0ea-7616-ab3a-a420-8e25056e3861';
const burstable = '/kubepods.slice/kubepods-burstable.slice';
const besteffort = '/kubepods.slice/kubepods-besteffort.slice';
const ofUser = '/user.slice/user-1000.slice/user@1000.service';

function container(runtime?: string, containerId = id): PathIdentity {
  return { kind: 'container', containerId, ...(runtime && { runtime }) };
}

function inPod(qos: PathIdentity['qos'], runtime?: string, podUid = uid): PathIdentity {
  return { ...container(runtime), podUid, ...(qos && { qos }) };
}

const pod = (qos: PathIdentity['qos'], podUid = uid): PathIdentity => ({
  kind: 'pod',
  podUid,
  ...(qos && { qos }),
});
const service = (unit: string): PathIdentity => ({ kind: 'service', unit });
const helper = (name: string, unit?: string): PathIdentity => ({
  kind: 'service',
  name,
  isHelper: true,
  ...(unit && { unit }),
});

/** A kubelet with the systemd driver. */
export const kubeletSystemd: readonly Layout[] = [
  [
    'containerd, burstable',
    `${burstable}/kubepods-burstable-pod${uid_}.slice/cri-containerd-${id}.scope`,
    inPod('burstable', 'containerd'),
  ],
  [
    'containerd, guaranteed: no class in the path',
    `/kubepods.slice/kubepods-pod${uid_}.slice/cri-containerd-${id}.scope`,
    inPod('guaranteed', 'containerd'),
  ],
  [
    'CRI-O, guaranteed',
    `/kubepods.slice/kubepods-pod${uid_}.slice/crio-${id}.scope`,
    inPod('guaranteed', 'cri-o'),
  ],
  [
    'CRI-O puts the processes one level deeper',
    `${burstable}/kubepods-burstable-pod${uid_}.slice/crio-${id}.scope/container`,
    inPod('burstable', 'cri-o'),
  ],
  [
    'Docker through dockershim or cri-dockerd',
    `${besteffort}/kubepods-besteffort-pod${uid_}.slice/docker-${id}.scope`,
    inPod('besteffort', 'docker'),
  ],
  [
    'an older containerd: slice, runtime and id in one name',
    `/system.slice/containerd.service/kubepods-besteffort-pod${uid_}.slice:cri-containerd:${id}`,
    inPod('besteffort', 'containerd'),
  ],
  [
    'the same at the root, of a kubelet and a containerd with different drivers',
    `/kubepods-burstable-pod${uid_}.slice:cri-containerd:${id}`,
    inPod('burstable', 'containerd'),
  ],
  [
    'the same below a slice of the runtime’s own',
    `/kuberuntime.slice/containerd.service/kubepods-pod${uid_}.slice:cri-containerd:${id}`,
    inPod('guaranteed', 'containerd'),
  ],
  [
    'an older CRI-O, likewise',
    `/system.slice/crio.service/kubepods-burstable-pod${uid_}.slice:crio:${id}`,
    inPod('burstable', 'cri-o'),
  ],
  [
    'a static pod: a hash of its manifest instead of a uid',
    `${burstable}/kubepods-burstable-pod${hash}.slice/cri-containerd-${id}.scope`,
    inPod('burstable', 'containerd', hash),
  ],
  [
    'systemd inside a container',
    `${burstable}/kubepods-burstable-pod${uid_}.slice/cri-containerd-${id}.scope/system.slice/nginx.service`,
    inPod('burstable', 'containerd'),
  ],
  [
    'a runtime that is not in the list',
    `${burstable}/kubepods-burstable-pod${uid_}.slice/cri-other-${id}.scope`,
    inPod('burstable'),
  ],
  [
    'Kata, the virtual machine of a pod',
    `${burstable}/kubepods-burstable-pod${uid_}.slice/kata-${id}.scope`,
    inPod('burstable', 'kata'),
  ],
  ['the pod itself', `${burstable}/kubepods-burstable-pod${uid_}.slice`, pod('burstable')],
  [
    'the monitor of a container in a pod, CRI-O',
    `${burstable}/kubepods-burstable-pod${uid_}.slice/crio-conmon-${id}.scope`,
    helper('conmon', `crio-conmon-${id}.scope`),
  ],
  ['a class of pods', burstable, { kind: 'slice', unit: 'kubepods-burstable.slice' }],
  ['all pods', '/kubepods.slice', { kind: 'slice', unit: 'kubepods.slice' }],
  [
    'a kubelet with a cgroup root of its own',
    `/node.slice/node-kubepods.slice/node-kubepods-burstable.slice/node-kubepods-burstable-pod${uid_}.slice/cri-containerd-${id}.scope`,
    inPod('burstable', 'containerd'),
  ],
];

/** A kubelet with the cgroupfs driver. */
export const kubeletCgroupfs: readonly Layout[] = [
  ['containerd or Docker, and k3s: the bare id', `/kubepods/besteffort/pod${uid}/${id}`, inPod('besteffort')],
  ['guaranteed: no class in the path', `/kubepods/pod${uid}/${id}`, inPod('guaranteed')],
  ['CRI-O keeps its prefix', `/kubepods/besteffort/pod${uid}/crio-${id}`, inPod('besteffort', 'cri-o')],
  ['the monitor of CRI-O', `/kubepods/besteffort/pod${uid}/crio-conmon-${id}`, helper('conmon')],
  [
    'a container that makes cgroups of its own (kube-proxy)',
    `/kubepods/besteffort/pod${uid}/${id}/kube-proxy`,
    inPod('besteffort'),
  ],
  ['a static pod', `/kubepods/burstable/pod${hash}/${id}`, inPod('burstable', undefined, hash)],
  ['Kata, the virtual machine of a pod', `/kubepods/pod${uid}/kata_${id}`, inPod('guaranteed', 'kata')],
  [
    'Kata, what the virtual machine needs beside',
    `/kata_overhead/kubepods/burstable/pod${uid}/${id}`,
    inPod('burstable'),
  ],
  [
    'k3s without root',
    `${ofUser}/k3s-rootless.service/kubepods/burstable/pod${uid}/${id}`,
    inPod('burstable'),
  ],
  ['the pod itself', `/kubepods/burstable/pod${uid}`, pod('burstable')],
  ['a class of pods', '/kubepods/burstable', { kind: 'slice' }],
  ['all pods', '/kubepods', { kind: 'slice' }],
];

/** Kubernetes and Docker within containers: the last id wins. */
export const nested: readonly Layout[] = [
  [
    'kind: a kubelet with a prefix, inside a Docker container that is the node',
    `/docker/${outer}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod${uid_}.slice/cri-containerd-${id}.scope`,
    inPod('besteffort', 'containerd'),
  ],
  [
    'kind on a Docker with the systemd driver',
    `/system.slice/docker-${outer}.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${uid_}.slice/cri-containerd-${id}.scope`,
    inPod('guaranteed', 'containerd'),
  ],
  [
    'kind on a Podman of a user',
    `${ofUser}/user.slice/libpod-${outer}.scope/container/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${uid_}.slice/cri-containerd-${id}.scope`,
    inPod('guaranteed', 'containerd'),
  ],
  [
    'minikube: cgroupfs inside a Docker scope',
    `/system.slice/docker-${outer}.scope/kubepods/burstable/pod${uid}/${id}`,
    inPod('burstable'),
  ],
  [
    'minikube, its own Docker with the systemd driver',
    `/system.slice/docker-${outer}.scope/kubepods.slice/kubepods-pod${uid_}.slice/docker-${id}.scope`,
    inPod('guaranteed', 'docker'),
  ],
  [
    'kind: the kubelet of the node, not in a pod',
    `/docker/${outer}/kubelet.slice/kubelet.service`,
    container('docker', outer),
  ],
  [
    'kind: what lies between the pods and the node',
    `/docker/${outer}/kubelet.slice/kubelet-kubepods.slice`,
    container('docker', outer),
  ],
  [
    'kind inside a pod: the inner pod counts, and its class',
    `${burstable}/kubepods-burstable-pod${hash}.slice/cri-containerd-${outer}.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${uid_}.slice/cri-containerd-${id}.scope`,
    inPod('guaranteed', 'containerd'),
  ],
  ['a pod of kind itself', `/docker/${outer}/kubepods/burstable/pod${uid}`, pod('burstable')],
  [
    'Docker in a pod of Kubernetes',
    `/kubepods/burstable/pod${uid}/${outer}/docker/${id}`,
    inPod('burstable', 'docker'),
  ],
  ['Docker in Docker', `/docker/${outer}/docker/${id}`, container('docker')],
  ['Docker inside LXC', `/lxc.payload.web-1/docker/${id}`, container('docker')],
  [
    'the monitor of a container within a container is the outer one’s',
    `/docker/${outer}/machine.slice/libpod-conmon-${id}.scope`,
    container('docker', outer),
  ],
  ['Docker in Docker: the outer one’s own processes', `/docker/${outer}/init`, container('docker', outer)],
];

/** Seen from inside a cgroup namespace. */
export const fromInside: readonly Layout[] = [
  ['a neighbour pod: its class lies above', `/../../pod${uid}/${id}`, inPod(undefined)],
  ['a neighbour pod of another class', `/../../../besteffort/pod${uid}/${id}`, inPod('besteffort')],
  [
    'a neighbour pod, systemd driver: its class is in its name',
    `/../../kubepods-besteffort-pod${uid_}.slice/cri-containerd-${id}.scope`,
    inPod('besteffort', 'containerd'),
  ],
  ['a neighbour container', `/../cri-containerd-${id}.scope`, container('containerd')],
  ['a service of the node', '/../../../../system.slice/cron.service', service('cron.service')],
  ['an ancestor without a name here', '/../..', { kind: 'cgroup' }],
];

/** Containers without Kubernetes. */
export const runtimes: readonly Layout[] = [
  ['Docker, cgroupfs', `/docker/${id}`, container('docker')],
  ['Docker, systemd', `/system.slice/docker-${id}.scope`, container('docker')],
  [
    'Docker, with an init in a cgroup of its own',
    `/system.slice/docker-${id}.scope/init`,
    container('docker'),
  ],
  ['Docker under a parent of the user’s choice', `/batch.slice/docker-${id}.scope`, container('docker')],
  ['Docker without root', `${ofUser}/user.slice/docker-${id}.scope`, container('docker')],
  [
    'Docker, a step of a build',
    '/docker/buildkit/xk6x4uswxxkrjl2lxwxbmrphv',
    container('buildkit', 'xk6x4uswxxkrjl2lxwxbmrphv'),
  ],
  [
    'Docker, a step of a build, systemd',
    '/system.slice/docker-xk6x4uswxxkrjl2lxwxbmrphv.scope',
    container('docker', 'xk6x4uswxxkrjl2lxwxbmrphv'),
  ],
  ['containerd, namespace of Kubernetes', `/k8s.io/${id}`, container('containerd')],
  ['containerd, a name instead of an id (ctr)', '/default/web', container('containerd', 'web')],
  ['containerd, default namespace (nerdctl)', `/default/${id}`, container('containerd')],
  ['containerd, another namespace', `/build/${id}`, container()],
  ['nerdctl, systemd', `/system.slice/nerdctl-${id}.scope`, container('containerd')],
  ['nerdctl without root', `${ofUser}/user.slice/nerdctl-${id}.scope`, container('containerd')],
  ['nerdctl with a runtime that knows no systemd', `/system.slice:nerdctl:${id}`, container('containerd')],
  ['the same without root', `/:nerdctl:${id}`, container('containerd')],
  ['Podman of root', `/machine.slice/libpod-${id}.scope/container`, container('podman')],
  ['Podman of a user', `${ofUser}/user.slice/libpod-${id}.scope`, container('podman')],
  ['Podman of a user, with crun', `${ofUser}/user.slice/libpod-${id}.scope/container`, container('podman')],
  ['Podman, split cgroups', `/machine.slice/libpod-payload-${id}`, container('podman')],
  [
    'Podman as a systemd service (Quadlet)',
    `/system.slice/web.service/libpod-payload-${id}`,
    container('podman'),
  ],
  ['the same: Podman and the monitor', '/system.slice/web.service/runtime', service('web.service')],
  ['Podman pod', `/machine.slice/machine-libpod_pod_${outer}.slice/libpod-${id}.scope`, container('podman')],
  [
    'Podman pod of a user',
    `${ofUser}/user.slice/user-libpod_pod_${outer}.slice/libpod-${id}.scope/container`,
    container('podman'),
  ],
  ['Podman, cgroupfs', `/libpod_parent/libpod-${id}`, container('podman')],
  ['Podman, cgroupfs, a level more', `/libpod_parent/libpod-${id}/ctr`, container('podman')],
  ['Podman, cgroupfs: the monitors', '/libpod_parent/conmon', helper('conmon')],
  [
    'the monitor of a Podman container',
    `/machine.slice/libpod-conmon-${id}.scope`,
    helper('conmon', `libpod-conmon-${id}.scope`),
  ],
  [
    'the monitor of a user’s Podman container',
    `${ofUser}/user.slice/libpod-conmon-${id}.scope`,
    helper('conmon', `libpod-conmon-${id}.scope`),
  ],
  [
    'Podman looking after the health of a container',
    `/system.slice/${id}-1a2b3c4d5e6f7a8b.service`,
    helper('podman healthcheck', `${id}-1a2b3c4d5e6f7a8b.service`),
  ],
  [
    'the monitor of a CRI-O container, outside its pod',
    `/system.slice/crio-conmon-${id}.scope`,
    helper('conmon', `crio-conmon-${id}.scope`),
  ],
  ['Amazon ECS and Fargate', `/ecs/${task}/${task}-1234567890`, container(undefined, `${task}-1234567890`)],
  ['Amazon ECS, an older agent', `/ecs/55091c13-b8cf-4801-b527-f4601742204d/${id}`, container()],
  ['Amazon ECS, with the name of the cluster', `/ecs/production/${task}/${id}`, container()],
  ['Amazon ECS: the task', `/ecs/${task}`, { kind: 'cgroup' }],
  ['Amazon ECS on systemd', `/ecstasks.slice/ecstasks-${task}.slice/docker-${id}.scope`, container('docker')],
  [
    'Garden (Cloud Foundry)',
    '/garden/6f265890-5165-7fab-6b52-18d1',
    container('garden', '6f265890-5165-7fab-6b52-18d1'),
  ],
  [
    'Garden, containers beyond their share',
    '/system.slice/garden/bad/6f265890-5165-7fab-6b52-18d1',
    container(undefined, '6f265890-5165-7fab-6b52-18d1'),
  ],
  [
    'Nomad',
    `/nomad.slice/share.slice/${allocation}.web.scope`,
    { ...container('nomad', `${allocation}.web`), name: 'web' },
  ],
  ['Nomad with Docker', `/nomad.slice/share.slice/docker-${id}.scope`, container('docker')],
  ['Mesos', `/mesos/${allocation}`, container('mesos', allocation)],
  [
    'Slurm',
    '/system.slice/slurmstepd.scope/job_1392969/step_0/user/task_0',
    container('slurm', 'job_1392969'),
  ],
  [
    'Slurm with several daemons on a node',
    '/system.slice/node1_slurmstepd.scope/job_7/step_batch',
    container('slurm', 'job_7'),
  ],
  [
    'Slurm, version 1',
    '/slurm/uid_2101171/job_280678/step_interactive/task_0',
    container('slurm', 'job_280678'),
  ],
  [
    'Slurm, its own processes',
    '/system.slice/slurmstepd.scope/system',
    { kind: 'scope', unit: 'slurmstepd.scope' },
  ],
];

/** Containers with an init, and virtual machines. */
export const machines: readonly Layout[] = [
  ['LXC before 4', '/lxc/web', container('lxc', 'web')],
  ['Proxmox: LXC with a namespace below', '/lxc/101/ns/system.slice/cron.service', container('lxc', '101')],
  [
    'LXC since 4, with systemd inside',
    '/lxc.payload.web-1/system.slice/nginx.service',
    container('lxc', 'web-1'),
  ],
  ['LXC 3.2', '/lxc.payload/web-1/init.scope', container('lxc', 'web-1')],
  ['LXD and Incus, with a project', '/lxc.payload.shop_web/init.scope', container('lxc', 'shop_web')],
  ['vpsAdminOS', '/osctl/ct.web/user-owned/lxc.payload.web', container('lxc', 'web')],
  ['the monitor of an LXC container', '/lxc.monitor.web-1', helper('lxc monitor')],
  ['the monitor of an LXC container, 3.2', '/lxc.monitor/web-1', helper('lxc monitor')],
  [
    'the monitor of a container of Incus',
    '/system.slice/incus.service/lxc.monitor.web-1',
    helper('lxc monitor', 'incus.service'),
  ],
  [
    'systemd-nspawn as a service, with systemd inside',
    '/machine.slice/systemd-nspawn@web.service/payload/system.slice/nginx.service',
    container('systemd-nspawn', 'web'),
  ],
  [
    'systemd-nspawn as a service, what watches it',
    '/machine.slice/systemd-nspawn@my\\x2dweb.service/supervisor',
    container('systemd-nspawn', 'my-web'),
  ],
  [
    'systemd-nspawn from the command line',
    '/machine.slice/machine-my\\x2dweb.scope/payload',
    container(undefined, 'my-web'),
  ],
  [
    'libvirt: a CPU of a virtual machine',
    '/machine.slice/machine-qemu\\x2d3\\x2dmy\\x2dweb.scope/libvirt/vcpu0',
    { ...container('qemu', 'qemu-3-my-web'), name: 'my-web' },
  ],
  [
    'libvirt with a partition of the user’s choice',
    '/machine.slice/machine-test.slice/machine-qemu\\x2d16\\x2dtest14.scope/emulator',
    { ...container('qemu', 'qemu-16-test14'), name: 'test14' },
  ],
  [
    'libvirt without systemd',
    '/machine/qemu-3-web.libvirt-qemu/emulator',
    { ...container('qemu', 'qemu-3-web'), name: 'web' },
  ],
  ['libvirt before 1.3.3', '/machine/web.libvirt-qemu/vcpu1', { ...container('qemu', 'web'), name: 'web' }],
];

/** systemd, and nodes without. */
export const services: readonly Layout[] = [
  ['a service', '/system.slice/docker.service', service('docker.service')],
  ['the kubelet', '/system.slice/kubelet.service', service('kubelet.service')],
  ['containerd, with its shims', '/system.slice/containerd.service', service('containerd.service')],
  ['CRI-O', '/system.slice/crio.service', service('crio.service')],
  ['Bottlerocket and Amazon EKS', '/runtime.slice/containerd.service', service('containerd.service')],
  [
    'Bottlerocket, a container of the host',
    '/runtime.slice/host-containers@admin.service',
    service('host-containers@admin.service'),
  ],
  ['k3s, with its kubelet, containerd and shims', '/system.slice/k3s.service', service('k3s.service')],
  ['k0s', '/system.slice/k0sworker.service', service('k0sworker.service')],
  [
    'MicroK8s',
    '/system.slice/snap.microk8s.daemon-kubelite.service',
    service('snap.microk8s.daemon-kubelite.service'),
  ],
  [
    'GKE',
    '/system.slice/kube-container-runtime-monitor.service',
    service('kube-container-runtime-monitor.service'),
  ],
  ['Azure', '/azure.slice/walinuxagent.service', service('walinuxagent.service')],
  [
    'a service that makes cgroups of its own',
    '/system.slice/systemd-udevd.service/udev',
    service('systemd-udevd.service'),
  ],
  [
    'an instance of a template, in a slice with an escaped dash',
    '/system.slice/system-serial\\x2dgetty.slice/serial-getty@ttyS0.service',
    service('serial-getty@ttyS0.service'),
  ],
  ['a service with an escaped dash', '/system.slice/my\\x2dapp.service', service('my-app.service')],
  [
    'an instance with an escaped letter of two bytes',
    '/system.slice/caf\\xc3\\xa9.service',
    service('café.service'),
  ],
  [
    'an escaped slash stays escaped: the name is one segment',
    '/system.slice/a\\x2fb.service',
    service('a\\x2fb.service'),
  ],
  ['a service called like a controller', '/system.slice/_cpu.service', service('cpu.service')],
  ['a socket', '/system.slice/dbus.socket', service('dbus.socket')],
  ['a mount with a process behind it', '/system.slice/mnt-data.mount', service('mnt-data.mount')],
  [
    'a mount of a container’s is not the container',
    `/system.slice/var-lib-docker-containers-${id}-mounts-shm.mount`,
    service(`var-lib-docker-containers-${id}-mounts-shm.mount`),
  ],
  ['an escaped line break stays escaped', '/system.slice/a\\x0ab.service', service('a\\x0ab.service')],
  [
    'a mount that ends with an id is not the container',
    `/system.slice/docker-${id}.mount`,
    service(`docker-${id}.mount`),
  ],
  ['swap', '/system.slice/dev-vda2.swap', service('dev-vda2.swap')],
  ['the process that is systemd', '/init.scope', { kind: 'scope', unit: 'init.scope' }],
  ['systemd-run --scope', '/system.slice/run-u42.scope', { kind: 'scope', unit: 'run-u42.scope' }],
  ['a slice', '/system.slice', { kind: 'slice', unit: 'system.slice' }],
  ['Talos: the kubelet', '/podruntime/kubelet', { kind: 'service' }],
  ['Talos: containerd', '/podruntime/runtime', { kind: 'service' }],
  ['Talos: a service of the machine', '/system/apid', { kind: 'service' }],
  ['Talos: its init', '/init', { kind: 'service' }],
];

/** Cgroups of a login session. */
export const users: readonly Layout[] = [
  [
    'a login session',
    '/user.slice/user-1000.slice/session-3.scope',
    { kind: 'user', unit: 'session-3.scope' },
  ],
  ['all of a user', '/user.slice/user-1000.slice', { kind: 'user', unit: 'user-1000.slice' }],
  ['the systemd of a user', `${ofUser}/init.scope`, { kind: 'user', unit: 'user@1000.service' }],
  [
    'a service of a user, with cgroups of its own',
    `${ofUser}/session.slice/org.gnome.Shell@wayland.service/worker`,
    { kind: 'user', unit: 'org.gnome.Shell@wayland.service' },
  ],
  [
    'an application on a desktop',
    `${ofUser}/app.slice/app-firefox-42.scope`,
    { kind: 'user', unit: 'app-firefox-42.scope', name: 'firefox' },
  ],
  [
    'an application with an escaped dash',
    `${ofUser}/app.slice/app-firefox\\x2desr-07dd78c014ab4fe48f7395474e0b5c5e.scope`,
    { kind: 'user', unit: 'app-firefox-esr-07dd78c014ab4fe48f7395474e0b5c5e.scope', name: 'firefox-esr' },
  ],
  [
    'an application started by GNOME',
    `${ofUser}/app.slice/app-gnome-org.gnome.Terminal-4711.scope`,
    { kind: 'user', unit: 'app-gnome-org.gnome.Terminal-4711.scope', name: 'org.gnome.Terminal' },
  ],
  [
    'an application started with the session',
    `${ofUser}/app.slice/app-graphical.slice/app-print\\x2dapplet@autostart.service`,
    { kind: 'user', unit: 'app-print-applet@autostart.service', name: 'print-applet' },
  ],
  [
    'a part of an application',
    `${ofUser}/app.slice/app-org.gnome.Terminal.slice/vte-spawn-0ab12cd3-1111-2222-3333-444455556666.scope`,
    {
      kind: 'user',
      unit: 'vte-spawn-0ab12cd3-1111-2222-3333-444455556666.scope',
      name: 'org.gnome.Terminal',
    },
  ],
];

/** Names without a meaning. */
export const plain: readonly Layout[] = [
  ['the root', '/', { kind: 'root' }],
  ['a cgroup made by hand', '/my-experiment/a', { kind: 'cgroup' }],
  ['a cgroup made by hand in a slice', '/system.slice/experiment', { kind: 'cgroup' }],
  ['a name that only looks like a pod', '/podcast', { kind: 'cgroup' }],
  ['a class without pods', '/burstable', { kind: 'cgroup' }],
  ['an id one digit short', `/${id.slice(1)}`, { kind: 'cgroup' }],
  ['an id with capitals', `/${id.toUpperCase()}`, { kind: 'cgroup' }],
  ['a name with colons', '/a:b:c', { kind: 'cgroup' }],
  ['colons with nothing between', '/::a', { kind: 'cgroup' }],
  ['a directory of Docker with nothing in it', '/docker', { kind: 'cgroup' }],
  ['a directory of Docker’s builds with nothing in it', '/docker/buildkit', { kind: 'cgroup' }],
];

export const layouts = {
  kubeletSystemd,
  kubeletCgroupfs,
  nested,
  fromInside,
  runtimes,
  machines,
  services,
  users,
  plain,
};
