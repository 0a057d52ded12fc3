import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Certificate, Certificates } from './certificates.ts';
import { addresses } from './namespaces.ts';
import type { ContainerdMajor } from './peers.ts';

/** Configuration of the parts of the node, as files of the state folder or arguments. */

export const nodeName = 'node1';
export const loadImage = 'localhost/earshot-test/load:1';
export const containerdSocket = '/run/containerd/containerd.sock';
/** Pods defined by files here have no API object to begin with; the kubelet makes one that mirrors them. */
export const staticPodFolder = (state: string) => join(state, 'static');

const etcdUrl = 'http://127.0.0.1:2379';

export function etcdArguments(state: string): readonly string[] {
  const peer = 'http://127.0.0.1:2380';
  return [
    `--data-dir=${join(state, 'etcd')}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync', // what it holds need not outlive the machine
  ];
}

/** On port 443, since no kube-proxy leads from the service's port to another. */
export function apiServerArguments(certificates: Certificates): readonly string[] {
  const { authority, admin, apiServer, serviceAccounts } = certificates;
  return [
    `--etcd-servers=${etcdUrl}`,
    '--secure-port=443',
    `--advertise-address=${addresses.node}`,
    `--service-cluster-ip-range=${addresses.services}`,
    `--tls-cert-file=${apiServer.certificate}`,
    `--tls-private-key-file=${apiServer.key}`,
    `--client-ca-file=${authority.certificate}`,
    `--kubelet-client-certificate=${admin.certificate}`,
    `--kubelet-client-key=${admin.key}`,
    `--kubelet-certificate-authority=${authority.certificate}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${serviceAccounts}`,
    `--service-account-signing-key-file=${serviceAccounts}`,
    '--authorization-mode=Node,RBAC',
    '--allow-privileged=true',
  ];
}

export function controllersArguments(kubeconfig: string, certificates: Certificates): readonly string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--service-account-private-key-file=${certificates.serviceAccounts}`,
    `--root-ca-file=${certificates.authority.certificate}`,
    '--use-service-account-credentials',
    '--leader-elect=false',
  ];
}

export const schedulerArguments = (kubeconfig: string): readonly string[] => [
  `--kubeconfig=${kubeconfig}`,
  '--leader-elect=false',
];

export function kubeletArguments(
  state: string,
  kubeconfig: string,
  { authority, kubelet }: Certificates,
): readonly string[] {
  const config = join(state, 'kubelet.json');
  mkdirSync(staticPodFolder(state), { recursive: true });
  writeJson(config, {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: { x509: { clientCAFile: authority.certificate } },
    tlsCertFile: kubelet.certificate,
    tlsPrivateKeyFile: kubelet.key,
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    cgroupDriver: 'cgroupfs',
    enforceNodeAllocatable: [],
    staticPodPath: staticPodFolder(state),
    clusterDNS: [addresses.dns],
    // The machine under the test is what it is: cgroup v1 or v2, with swap, with a disk that is nearly full.
    failCgroupV1: false,
    failSwapOn: false,
    localStorageCapacityIsolation: false,
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
    oomScoreAdj: 0, // to lower it needs CAP_SYS_RESOURCE
  });
  return [
    `--config=${config}`,
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${nodeName}`,
    `--node-ip=${addresses.node}`,
  ];
}

export function containerdArguments(state: string, major: ContainerdMajor): readonly string[] {
  const networks = join(state, 'cni');
  mkdirSync(networks, { recursive: true });
  writeJson(join(networks, '10-test.conflist'), {
    cniVersion: '0.4.0',
    name: 'test',
    plugins: [
      {
        type: 'bridge',
        bridge: 'pods0',
        isGateway: true,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: addresses.pods }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  });
  const config = join(state, 'containerd.toml');
  writeFileSync(config, major === '1' ? containerd1(networks) : containerd2(networks));
  return ['--config', config];
}

const plugins = '/usr/lib/cni';

const containerd1 = (networks: string) => `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${loadImage}"
  disable_apparmor = true
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "${plugins}"
  conf_dir = "${networks}"
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd-opt"
`;

const containerd2 = (networks: string) => `version = 3
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "${loadImage}"
[plugins."io.containerd.cri.v1.runtime"]
  disable_apparmor = true
  restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["${plugins}"]
  conf_dir = "${networks}"
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd-opt"
`;

export function writeKubeconfig(file: string, authority: Certificate, admin: Certificate): void {
  const encoded = (path: string) => readFileSync(path).toString('base64');
  writeJson(file, {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'test',
        cluster: {
          server: `https://${addresses.node}`,
          'certificate-authority-data': encoded(authority.certificate),
        },
      },
    ],
    users: [
      {
        name: 'admin',
        user: {
          'client-certificate-data': encoded(admin.certificate),
          'client-key-data': encoded(admin.key),
        },
      },
    ],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'test',
  });
}

function writeJson(file: string, content: object): void {
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
}
