import { type Logger, levels, pino } from 'pino';
import { createSampler, type Sampling } from './log-sampling.ts';
import { printable } from './printable.ts';

export interface LogOptions {
  readonly level: string;
  /** `console` for people, `json` for machines. */
  readonly encoding: 'console' | 'json';
  /** In each line that has no such field of its own. */
  readonly initial_fields: Readonly<Record<string, unknown>>;
  readonly sampling: Sampling;
}

export interface OwnLog {
  readonly log: Logger;
  /** From now on all that has this log logs so. */
  change(options: LogOptions, write: Write): void;
}

export type Write = (line: string) => void;

/** The agent's own log. */
export function createLog(options: LogOptions, write: Write): OwnLog {
  let put = writer(options, write);
  const settings = {
    level: 'debug', // loggers of components keep the level that they began with: `writer` looks at it instead
    base: null,
    timestamp: () => `,"ts":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return {
    log: pino(settings, { write: (line: string) => put(line) }),
    change(options, write) {
      put = writer(options, write);
    },
  };
}

function writer({ level: least, encoding, initial_fields, sampling }: LogOptions, write: Write): Write {
  const text = encoding === 'json' ? JSON.stringify : readable;
  const leftOutBefore = createSampler(sampling);
  return (line) => {
    const { level, ts, ...fields } = fieldsOf(line);
    if (rank(level) < rank(least)) return;
    const leftOut = leftOutBefore(
      level,
      `${fields['otelcol.component.kind']} ${fields['otelcol.component.id']} ${fields.msg}`,
    );
    if (leftOut === undefined) return;
    write(
      `${text({ level, ts, ...initial_fields, ...fields, ...(leftOut > 0 && { left_out: leftOut }) })}\n`,
    );
  };
}

const rank = (level: unknown) => levels.values[String(level)] ?? Number.POSITIVE_INFINITY;

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
