import { existsSync, readFileSync } from 'node:fs';
import { hostFile } from '../machine/host-file.ts';
import type { Native } from './native.ts';

/** What the scheduler programs need of the machine and of its user; a test gives its own. */
export interface Machine {
  readonly platform: string;
  readonly hasBtf: boolean;
  /** Effective capabilities as a bit set. */
  readonly capabilities: bigint;
  /** Text of `/sys/kernel/security/lockdown`, `none [integrity] confidentiality`. */
  readonly lockdown: string;
}

const capability = { sysAdmin: 1n << 21n, perfmon: 1n << 38n, bpf: 1n << 39n };

export function inspectMachine(rootPath = '/'): Machine {
  const status = read('/proc/self/status');
  return {
    platform: process.platform,
    hasBtf: existsSync('/sys/kernel/btf/vmlinux'),
    capabilities: BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`),
    lockdown: read(hostFile(rootPath, '/sys/kernel/security/lockdown')),
  };
}

/** What is missing, a sentence each with its remedy; empty where the programs can be tried. */
export function missingRequirements(machine: Machine): readonly string[] {
  if (machine.platform !== 'linux') return ['this is not Linux'];
  const missing: string[] = [];
  const has = (bits: bigint) => (machine.capabilities & bits) === bits;
  if (!has(capability.sysAdmin) && !has(capability.bpf | capability.perfmon))
    missing.push('no permission to load BPF programs (run as root, or with CAP_BPF and CAP_PERFMON)');
  if (!machine.hasBtf)
    missing.push(
      'the kernel has no BTF, /sys/kernel/btf/vmlinux (needs 5.10 or later with CONFIG_DEBUG_INFO_BTF=y)',
    );
  if (machine.lockdown.includes('[confidentiality]'))
    missing.push('kernel lockdown is in confidentiality mode (boot with lockdown=integrity or none)');
  return missing;
}

/** The same for what only the kernel's BTF tells. */
export function missingInKernel(native: Native): readonly string[] {
  const missing: string[] = [];
  const needs = (struct: string, member: string, remedy: string) => {
    if (!native.kernelStruct(struct)?.includes(member))
      missing.push(`the kernel has no ${struct}.${member} (needs ${remedy})`);
  };
  needs('sched_info', 'last_queued', 'CONFIG_SCHED_INFO=y, by CONFIG_TASK_DELAY_ACCT or CONFIG_SCHEDSTATS');
  needs('cfs_rq', 'rq', 'CONFIG_FAIR_GROUP_SCHED=y');
  needs('cfs_rq', 'throttle_count', 'CONFIG_CFS_BANDWIDTH=y');
  return missing;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // absent without securityfs or procfs: nothing is known to be missing
  }
}
