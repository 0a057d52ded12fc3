/** A configuration that only another start of the agent can apply. */
export class RestartRequiredError extends Error {
  override readonly name = 'RestartRequiredError';
  readonly code = 'RESTART_REQUIRED';

  constructor(keys: readonly string[]) {
    super(
      `cannot apply the configuration: ${keys.join(' and ')} changed, which needs a restart of the agent`,
    );
  }
}
