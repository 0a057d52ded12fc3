const withoutEbpf =
  'the receiver "cgroup" tells throttling, pressure and limits without eBPF: config/examples/without-ebpf.yaml';

/**
 * This machine, or this user's rights, do not allow what was asked of eBPF; `main` may then offer a recording instead, and
 * the message what works all the same.
 */
export class UnsupportedError extends Error {
  readonly code = 'UNSUPPORTED';
  /** What is missing, one sentence each, with the remedy. */
  readonly missing: readonly string[];

  constructor(what: string, missing: readonly string[], cause?: unknown) {
    super(`cannot ${what}: ${missing.join('; ')} (${withoutEbpf})`, cause === undefined ? {} : { cause });
    this.name = 'UnsupportedError';
    this.missing = missing;
  }
}

/** The same error, as an `UnsupportedError` where the kernel refused what the requirements seemed to allow. */
export function unsupportedIfRefused(what: string, cause: unknown): unknown {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code !== 'EPERM' && code !== 'EACCES') return cause;
  return new UnsupportedError(what, [`the kernel refused the BPF programs (${message})`], cause);
}
