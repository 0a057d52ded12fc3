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
    { command: 'bpftool', what: 'bpftool', apt: 'bpftool', dnf: 'bpftool' },
    { command: 'containerd', what: 'containerd', apt: 'containerd', dnf: 'containerd' },
    { command: 'runc', what: 'runc', apt: 'runc', dnf: 'runc' },
    { command: 'stress-ng', what: 'stress-ng', apt: 'stress-ng', dnf: 'stress-ng' },
    { command: 'busybox', what: 'a static busybox', apt: 'busybox-static', dnf: 'busybox' },
  ],
};

/** The packages that `manager` (apt-get or dnf) would have to install. */
export function missingPackages(needs, manager, { hasCommand, exists }) {
  return needs
    .filter(({ command, file }) => (command ? !hasCommand(command) : !exists(file)))
    .map((need) => ({ what: need.what, name: manager === 'dnf' ? need.dnf : need.apt }));
}
