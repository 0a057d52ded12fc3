import { type Logger, pino } from 'pino';

export interface LogOptions {
  readonly level: string;
  /** `console` for people, `json` for machines. */
  readonly encoding: 'console' | 'json';
}

/** The agent's own log. */
export function createLog({ level, encoding }: LogOptions, write: (line: string) => void): Logger {
  const options = {
    level,
    base: null,
    timestamp: () => `,"ts":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, { write: encoding === 'json' ? write : (line: string) => write(readable(line)) });
}

/** `2026-01-31T12:00:00.000Z info  [exporter otlp_grpc] sending queue is full {"queue_size":1000}` */
function readable(line: string): string {
  const {
    level,
    ts,
    msg,
    'otelcol.component.id': id,
    'otelcol.component.kind': kind,
    ...fields
  } = JSON.parse(line);
  const component = id === undefined ? '' : `[${kind} ${id}] `;
  const rest = Object.keys(fields).length > 0 ? ` ${JSON.stringify(fields)}` : '';
  return `${ts} ${String(level).padEnd(5)} ${component}${msg ?? ''}${rest}\n`;
}
