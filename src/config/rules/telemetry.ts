import type { Config } from '../config.ts';
import type { Path } from '../config-error.ts';
import { headerProblems } from '../schema/headers.ts';

/** Fields that each line of the log has, or may have, from the agent. */
const ownFields = ['level', 'ts', 'msg', 'left_out', 'otelcol.component.id', 'otelcol.component.kind'];

/** Refuses fields of the log under the names of the agent's own, and headers that readers cannot send. */
export function checkTelemetry(
  { logs, metrics }: Pick<Config['telemetry'], 'logs' | 'metrics'>,
  report: (path: Path, message: string) => void,
): void {
  for (const field of Object.keys(logs.initial_fields))
    if (ownFields.includes(field))
      report(
        ['service', 'telemetry', 'logs', 'initial_fields', field],
        `each line has "${field}" from the agent already: give the field another name`,
      );
  for (const [index, { periodic }] of metrics.readers.entries())
    for (const { path, message } of periodic ? headerProblems(periodic.exporter.otlp.headers, 'gRPC') : []) {
      const reader = ['service', 'telemetry', 'metrics', 'readers', index, 'periodic', 'exporter', 'otlp'];
      report([...reader, ...path], message);
    }
}
