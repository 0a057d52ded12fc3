import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { createLog } from '../log.ts';
import { openLogOutput } from './log-output.ts';

type Settings = Config['telemetry']['logs'];

interface OwnLog {
  readonly log: Logger;
  apply(next: Settings): void;
  /** Its files are opened anew by their paths. */
  reopen(): void;
}

/** The log of `service::telemetry::logs`, and how it takes other settings. Throws where a file cannot be opened. */
export function openOwnLog(settings: Settings): OwnLog {
  let current = settings;
  let output = openLogOutput(settings.output_paths);
  const { log, change } = createLog(settings, output.write);
  return {
    log,
    reopen: () => output.reopen(),
    apply(next) {
      if (isDeepStrictEqual(current, next)) return;
      const former = output;
      output = openLogOutput(next.output_paths);
      change(next, output.write);
      former.close();
      current = next;
    },
  };
}
