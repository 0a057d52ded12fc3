import { messageOf } from '../telemetry/health.ts';

/** A component could not start; all that had started for the same configuration are closed again. */
export class StartError extends Error {
  override readonly name = 'StartError';
  /** The code of the cause, where it has one. */
  readonly code: string | undefined;

  constructor(component: string, cause: unknown) {
    super(`cannot start ${component}: ${messageOf(cause)}`, { cause });
    this.code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
  }
}
