/** This machine, or this user's rights, do not allow what was asked; `main` may then offer a recording instead. */
export class UnsupportedError extends Error {
  readonly code = 'UNSUPPORTED';
  /** What is missing, one sentence each, with the remedy. */
  readonly missing: readonly string[];

  constructor(what: string, missing: readonly string[], cause?: unknown) {
    super(`cannot ${what}: ${missing.join('; ')}`, cause === undefined ? {} : { cause });
    this.name = 'UnsupportedError';
    this.missing = missing;
  }
}
