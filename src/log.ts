import { type Logger, pino } from 'pino';
import { createSampler, type Sampling } from './log-sampling.ts';
import { printable } from './printable.ts';

export interface LogOptions {
  readonly level: string;
  /** `console` for people, `json` for machines. */
  readonly encoding: 'console' | 'json';
  /** In each line. */
  readonly initial_fields: Readonly<Record<string, unknown>>;
  readonly sampling: Sampling;
}

/** The agent's own log. */
export function createLog(
  { level, encoding, initial_fields, sampling }: LogOptions,
  write: (line: string) => void,
): Logger {
  const options = {
    level,
    base: initial_fields,
    timestamp: () => `,"ts":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const text = encoding === 'json' ? JSON.stringify : readable;
  const leftOutBefore = createSampler(sampling);
  return pino(options, {
    write(line: string) {
      const fields = fieldsOf(line);
      const leftOut = leftOutBefore(
        fields.level,
        `${fields['otelcol.component.kind']} ${fields['otelcol.component.id']} ${fields.msg}`,
      );
      if (leftOut === undefined) return;
      write(`${text(leftOut > 0 ? { ...fields, left_out: leftOut } : fields)}\n`);
    },
  });
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
