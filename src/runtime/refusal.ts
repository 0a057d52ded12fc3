import type { Logger } from 'pino';
import { ConfigError, sentenceOf } from '../config/config-error.ts';
import { messageOf } from '../telemetry/health.ts';

/** Problems of one configuration that are logged; `validate` shows all of them. */
const shown = 20;

/** Logs why a changed configuration is not applied. */
export function logRefusal(log: Logger, error: unknown): void {
  const problems = error instanceof ConfigError ? error.problems.map(sentenceOf) : [messageOf(error)];
  for (const problem of problems.slice(0, shown)) log.error(problem);
  log.error(
    { problems: problems.length },
    'Configuration refused. The agent goes on with the one that it has.',
  );
}
