import type { Config } from '../config.ts';
import type { Path } from '../config-error.ts';

/** Fields that each line of the log has, or may have, from the agent. */
const ownFields = ['level', 'ts', 'msg', 'left_out', 'otelcol.component.id', 'otelcol.component.kind'];

/** Refuses fields of the log under the names of the agent's own. */
export function checkTelemetry(
  { logs }: Pick<Config['telemetry'], 'logs'>,
  report: (path: Path, message: string) => void,
): void {
  for (const field of Object.keys(logs.initial_fields))
    if (ownFields.includes(field))
      report(
        ['service', 'telemetry', 'logs', 'initial_fields', field],
        `each line has "${field}" from the agent already: give the field another name`,
      );
}
