import { release } from 'node:os';

/** What was asked of BPF. */
export interface Purpose {
  /** As in "cannot attach to the scheduler". */
  readonly purpose: string;
  /** What works without it. */
  readonly instead?: string | undefined;
}

/** What is read of the addon's errors. */
interface Refusal {
  readonly code?: string;
  readonly message: string;
  readonly feature?: string;
  readonly minimumKernel?: string;
}

/** This machine, or this user's rights, do not allow what was asked of BPF. */
export class UnsupportedError extends Error {
  override readonly name = 'UnsupportedError';
  readonly code = 'UNSUPPORTED';
  /** What is missing, one sentence each, with the remedy. */
  readonly missing: readonly string[];

  constructor({ purpose, instead }: Purpose, missing: readonly string[], cause?: unknown) {
    const hint = instead === undefined ? '' : ` (${instead})`;
    super(`cannot ${purpose}: ${missing.join('; ')}${hint}`, cause === undefined ? {} : { cause });
    this.missing = missing;
  }
}

/** The same error, as an `UnsupportedError` where the kernel refused what the requirements seemed to allow. */
export function unsupportedIfRefused(purpose: Purpose, cause: unknown, kernel = release()): unknown {
  const { code, message, feature, minimumKernel } = cause as Refusal;
  if (code === 'EPERM' || code === 'EACCES')
    return new UnsupportedError(purpose, [`the kernel refused the BPF programs (${message})`], cause);
  if (feature !== undefined && minimumKernel !== undefined && isOlder(kernel, minimumKernel))
    return new UnsupportedError(
      purpose,
      [`the kernel, ${kernel}, has no ${feature} (needs ${minimumKernel} or later)`],
      cause,
    );
  return cause;
}

/** By major and minor release; `kernel` as `uname -r` has it. */
function isOlder(kernel: string, minimum: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  const [minimumMajor = 0, minimumMinor = 0] = minimum.split('.').map(Number);
  return major < minimumMajor || (major === minimumMajor && minor < minimumMinor);
}
