/** Why there is no answer, for the user: with what to do. */
export class ExplainError extends Error {
  override readonly name = 'ExplainError';
}
