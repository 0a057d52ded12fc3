import { existsSync, readFileSync } from 'node:fs';
import { hostFile } from '../machine/host-file.ts';
import type { Native } from './native.ts';

/** What an object needs beyond Linux, BTF, CAP_BPF and CAP_PERFMON, which every object needs. */
export interface Needs {
  readonly capabilities?: readonly Capability[];
  readonly kernel?: readonly KernelNeed[];
  /** Its programs write to a ring buffer where nothing may sleep: in hooks of the scheduler, or with preemption off. */
  readonly sleeplessRing?: boolean;
}

/** A struct of the kernel's BTF, or one member of it. A program or link type is the struct that came with it. */
export interface KernelNeed {
  readonly struct: string;
  readonly member?: string;
  /** What brings it, as in "needs CONFIG_CFS_BANDWIDTH=y". */
  readonly remedy: string;
}

/** Bits by `linux/capability.h`. */
const capabilities = { net_admin: 12n, sys_ptrace: 19n, sys_admin: 21n, perfmon: 38n, bpf: 39n } as const;
export type Capability = keyof typeof capabilities;

/** What decides on this machine, and for this user, whether BPF programs can be loaded. */
export interface Support {
  readonly platform: string;
  readonly hasBtf: boolean;
  /** Effective capabilities as a bit set. */
  readonly capabilities: bigint;
  /** Text of `/sys/kernel/security/lockdown`, `none [integrity] confidentiality`. */
  readonly lockdown: string;
}

export function inspectSupport(rootPath = '/'): Support {
  const status = read('/proc/self/status');
  return {
    platform: process.platform,
    hasBtf: existsSync('/sys/kernel/btf/vmlinux'),
    capabilities: BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`),
    lockdown: read(hostFile(rootPath, '/sys/kernel/security/lockdown')),
  };
}

/** What is missing, a sentence each with its remedy; empty where the object can be tried. */
export function missingSupport(support: Support, needs: Needs): readonly string[] {
  if (support.platform !== 'linux') return ['this is not Linux'];
  const missing: string[] = [];
  const has = (...all: readonly Capability[]) =>
    all.every((name) => (support.capabilities & (1n << capabilities[name])) !== 0n);
  if (!has('sys_admin') && !has('bpf', 'perfmon'))
    missing.push('no permission to load BPF programs (run as root, or with CAP_BPF and CAP_PERFMON)');
  for (const name of needs.capabilities ?? [])
    if (!has(name)) missing.push(`no capability CAP_${name.toUpperCase()} (run as root, or with it)`);
  if (!support.hasBtf)
    missing.push(
      'the kernel has no BTF, /sys/kernel/btf/vmlinux (needs 5.10 or later with CONFIG_DEBUG_INFO_BTF=y)',
    );
  if (support.lockdown.includes('[confidentiality]'))
    missing.push('kernel lockdown is in confidentiality mode (boot with lockdown=integrity or none)');
  return missing;
}

/** The same for what only the kernel's BTF shows. */
export function missingInKernel(
  types: Pick<Native, 'kernelStruct' | 'kernelMemberType'>,
  { kernel = [], sleeplessRing = false }: Needs,
): readonly string[] {
  const missing = kernel
    .filter(({ struct, member }) => {
      const members = types.kernelStruct(struct);
      return member === undefined ? !members : !members?.includes(member);
    })
    .map(({ struct, member, remedy }) => {
      const name = member === undefined ? `struct ${struct}` : `${struct}.${member}`;
      return `the kernel has no ${name} (needs ${remedy})`;
    });
  if (sleeplessRing && ringMaySleep(types))
    missing.push(
      'writing to a ring buffer may sleep, which a kernel with PREEMPT_RT does not survive in the scheduler ' +
        '(needs one without PREEMPT_RT, or 6.12, 6.11.6, 6.6.59, 6.1.115 or later of their series)',
    );
  return missing;
}

/** PREEMPT_RT makes a mutex of each `spinlock_t`, and the ring's lock was one until 8b62645b09f8. */
function ringMaySleep(types: Pick<Native, 'kernelStruct' | 'kernelMemberType'>): boolean {
  const isMutex = types.kernelStruct('spinlock')?.includes('lock') ?? false; // `rlock` otherwise
  return isMutex && types.kernelMemberType('bpf_ringbuf', 'spinlock') === 'spinlock_t';
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // absent without securityfs or procfs: nothing is known to be missing
  }
}
