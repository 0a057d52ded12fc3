import { type Logger, pino } from 'pino';
import { printable } from './printable.ts';

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
  const text = encoding === 'json' ? JSON.stringify : readable;
  return pino(options, { write: (line: string) => write(`${text(fieldsOf(line))}\n`) });
}

type Fields = Readonly<Record<string, unknown>>;

/** With all texts printable: they may come from servers, and names from other people. */
const fieldsOf = (line: string): Fields =>
  JSON.parse(line, (_, value) => (typeof value === 'string' ? printable(value) : value));

/** `2026-01-31T12:00:00.000Z info  [exporter otlp_grpc] sending queue is full {"queue_size":1000}` */
function readable(of: Fields): string {
  const { level, ts, msg, 'otelcol.component.id': id, 'otelcol.component.kind': kind, ...fields } = of;
  const component = id === undefined ? '' : `[${kind} ${id}] `;
  const rest = Object.keys(fields).length > 0 ? ` ${JSON.stringify(fields)}` : '';
  return `${ts} ${String(level).padEnd(5)} ${component}${msg ?? ''}${rest}`;
}
