/** Why a command has no result, for the user: with what to do. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
