const stressNg = { command: 'stress-ng', what: 'stress-ng', apt: 'stress-ng', dnf: 'stress-ng' };
const containerd = { command: 'containerd', what: 'containerd', apt: 'containerd', dnf: 'containerd' };
const runc = { command: 'runc', what: 'runc', apt: 'runc', dnf: 'runc' };
const umoci = { command: 'umoci', what: 'umoci', apt: 'umoci', dnf: 'umoci' };
const skopeo = { command: 'skopeo', what: 'skopeo', apt: 'skopeo', dnf: 'skopeo' };
const bpftool = { command: 'bpftool', what: 'bpftool', apt: 'bpftool', dnf: 'bpftool' };
const iproute = { command: 'ip', what: 'iproute2', apt: 'iproute2', dnf: 'iproute' };
const utilLinux = { command: 'nsenter', what: 'nsenter', apt: 'util-linux', dnf: 'util-linux-core' };
const busybox = { command: 'busybox', what: 'a static busybox', apt: 'busybox-static', dnf: 'busybox' };

const crossCompiler = [
  {
    command: 'aarch64-linux-gnu-gcc',
    what: 'a C compiler for arm64',
    apt: 'gcc-aarch64-linux-gnu',
    dnf: 'gcc-aarch64-linux-gnu',
  },
  {
    file: '/usr/aarch64-linux-gnu/include/stdio.h',
    what: 'libc headers for arm64',
    apt: 'libc6-dev-arm64-cross',
    dnf: 'sysroot-aarch64-fc43-glibc',
  },
];

/**
 * What this project takes from the operating system, by purpose: how to see that it is there (a command or a file),
 * and the package that has it.
 */
export const systemNeeds = {
  build: [
    { command: 'clang', what: 'clang', apt: 'clang', dnf: 'clang' },
    { command: 'cc', what: 'a C compiler', apt: 'gcc', dnf: 'gcc' },
    { command: 'make', what: 'make', apt: 'make', dnf: 'make' },
    { file: '/usr/include/stdio.h', what: 'libc headers', apt: 'libc6-dev', dnf: 'glibc-devel' },
    { file: '/usr/include/bpf/libbpf.h', what: 'libbpf headers', apt: 'libbpf-dev', dnf: 'libbpf-devel' },
  ],
  check: [{ command: 'clang-format', what: 'clang-format', apt: 'clang-format', dnf: 'clang-tools-extra' }],
  tests: [
    bpftool,
    containerd,
    runc,
    { command: 'podman', what: 'Podman', apt: 'podman', dnf: 'podman' },
    umoci,
    skopeo,
    stressNg,
    busybox,
  ],
  scenarios: [
    stressNg,
    { command: 'sysbench', what: 'sysbench', apt: 'sysbench', dnf: 'sysbench' },
    { command: 'redis-server', what: 'a server of Redis', apt: 'redis-server', dnf: 'valkey-compat-redis' },
    { command: 'redis-cli', what: 'tools of Redis', apt: 'redis-tools', dnf: 'valkey-compat-redis' },
    { command: 'nginx', what: 'nginx', apt: 'nginx-light', dnf: 'nginx' },
    { command: 'ab', what: 'ab', apt: 'apache2-utils', dnf: 'httpd-tools' },
    { command: 'ethtool', what: 'ethtool', apt: 'ethtool', dnf: 'ethtool' },
    iproute,
    utilLinux,
  ],
  bench: [{ command: 'perf', what: 'perf', apt: 'linux-perf', dnf: 'perf' }, stressNg],
  cross: crossCompiler,
  'vm-arm64': [
    ...crossCompiler,
    {
      command: 'qemu-system-aarch64',
      what: 'QEMU for arm64',
      apt: 'qemu-system-arm',
      dnf: 'qemu-system-aarch64-core',
    },
  ],
  interop: [
    { command: 'prometheus', what: 'Prometheus', apt: 'prometheus', dnf: 'golang-github-prometheus' },
  ],
  kubernetes: [
    { command: 'etcd', what: 'etcd', apt: 'etcd-server', dnf: 'etcd' },
    containerd,
    runc,
    {
      file: '/usr/lib/cni/bridge',
      what: 'the network plugins of containers',
      apt: 'containernetworking-plugins',
      dnf: 'containernetworking-plugins',
    },
    { command: 'openssl', what: 'openssl', apt: 'openssl', dnf: 'openssl' },
    iproute,
    utilLinux,
    busybox,
  ],
  vm: [
    { command: 'qemu-system-x86_64', what: 'QEMU', apt: 'qemu-system-x86', dnf: 'qemu-system-x86-core' },
    { command: 'apt-get', what: 'apt', apt: 'apt', dnf: 'apt' },
    { command: 'dpkg-deb', what: 'dpkg', apt: 'dpkg', dnf: 'dpkg' },
    {
      file: '/usr/share/keyrings/debian-archive-keyring.gpg',
      what: "Debian's keys",
      apt: 'debian-archive-keyring',
      dnf: 'debian-keyring',
    },
    stressNg,
    busybox,
    bpftool,
  ],
};

/** The packages that `manager` (apt-get or dnf) would have to install. */
export function missingPackages(needs, manager, { hasCommand, exists }) {
  return needs
    .filter(({ command, file }) => (command ? !hasCommand(command) : !exists(file)))
    .map((need) => ({ what: need.what, name: manager === 'dnf' ? need.dnf : need.apt }));
}
