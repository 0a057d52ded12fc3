import { readFileSync } from 'node:fs';
import { cpuRowsOf } from '../machine/cpu-rows.ts';
import type { MonotonicNanoseconds } from '../telemetry/units.ts';
import type { BpfHost } from './bpf.ts';
import { sharedLocks } from './instance-lock.ts';
import { loadNative, type Native } from './native.ts';
import { inspectSupport, missingInKernel, missingSupport, type Needs, type Support } from './needs.ts';
import { openObject } from './object.ts';
import { UnsupportedError, unsupportedIfRefused } from './unsupported-error.ts';

/** What the host is made of; a test gives its own. */
export interface BpfHostOptions {
  /** Where the host's file system is mounted. */
  readonly rootPath?: string;
  /** Called at the first use. */
  readonly load?: () => Native;
  readonly support?: () => Support;
  /** CPUs that can ever be, as the kernel lists them. */
  readonly possible?: () => string;
}

/** BPF on this machine. The addon is loaded when it is first needed. */
export function createBpfHost({
  rootPath,
  load = loadNative,
  support = () => inspectSupport(rootPath),
  possible = () => readFileSync('/sys/devices/system/cpu/possible', 'utf8'),
}: BpfHostOptions = {}): BpfHost {
  let addon: Native | undefined;
  const native = () => {
    addon ??= load();
    return addon;
  };
  const locks = sharedLocks(native);
  const missing = (needs: Needs) => {
    const found = missingSupport(support(), needs);
    return found.length ? found : missingInKernel(native(), needs);
  };
  return {
    missing,
    open(spec) {
      const lacks = missing(spec.needs ?? {});
      if (lacks.length) throw new UnsupportedError(spec, lacks);
      const release = spec.lock === undefined ? () => {} : locks.take(spec.lock);
      try {
        return openObject(native(), spec, release);
      } catch (error) {
        release();
        throw unsupportedIfRefused(spec, error);
      }
    },
    monotonic: () => native().monotonic() as MonotonicNanoseconds,
    cpuRows: () => cpuRowsOf(possible()),
    pidfd: (pid) => native().pidfd(pid),
    kernelStruct: (name) => native().kernelStruct(name),
  };
}
