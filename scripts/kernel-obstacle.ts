import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { loadNative } from '../src/bpf/native.ts';

const oldestKernel = [5, 10] as const;
const probe = fileURLToPath(new URL('../build/test/native.bpf.o', import.meta.url));

export interface Obstacle {
  readonly reason: string;
  /** False where the kernel is new enough and we are root: then something is broken, and a skip would hide it. */
  readonly excusable: boolean;
}

/** Why tests of the real kernel cannot run here, found by trying. */
export function kernelObstacle(): Obstacle | undefined {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  if (major < oldestKernel[0] || (major === oldestKernel[0] && minor < oldestKernel[1]))
    return { reason: `Linux ${release()} is older than ${oldestKernel.join('.')}`, excusable: true };
  if (process.getuid?.() !== 0) return { reason: 'they need root', excusable: true };
  if (!existsSync('/sys/kernel/btf/vmlinux'))
    return { reason: 'the kernel has no BTF (CONFIG_DEBUG_INFO_BTF)', excusable: false };
  try {
    const native = loadNative();
    const object = native.open(probe, {});
    try {
      native.load(object);
    } finally {
      native.close(object);
    }
    return undefined;
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error), excusable: false };
  }
}
