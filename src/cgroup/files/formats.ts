import { type Nanoseconds, nanoseconds } from '../../telemetry/units.ts';
import type { CpuStatistics, Pressure } from './files.ts';

/** The kernel writes these durations in microseconds. */
const nsPerMicrosecond = 1000;

/** A decimal number alone in its file, which may not fit into a double. Throws if it is none. */
export function parseTotal(text: string): bigint {
  const trimmed = text.trim();
  if (!/^-?\d+$/.test(trimmed)) throw new SyntaxError('not a number');
  return BigInt(trimmed);
}

export const parseNumber = (text: string) => Number(parseTotal(text));

export const parseMicroseconds = (text: string) => nanoseconds(parseNumber(text) * nsPerMicrosecond);

/** `cpu.max`: `max 100000` or `50000 100000`. */
export function parseCpuMax(text: string): {
  readonly quota: Nanoseconds | undefined;
  readonly period: Nanoseconds;
} {
  const [, quota, period] = /^(max|\d+) (\d+)\n?$/.exec(text) ?? [];
  if (quota === undefined || period === undefined) throw new SyntaxError('not two values');
  return {
    quota: quota === 'max' ? undefined : parseMicroseconds(quota),
    period: parseMicroseconds(period),
  };
}

/** `cpu.stat` of either version; time is in ns where the name ends in `_time`, in µs where it ends in `_usec`. */
export function parseCpuStat(text: string): CpuStatistics {
  const values = parseFlatKeyed(text);
  const time = (name: string) => {
    const microseconds = values.get(`${name}_usec`);
    return microseconds === undefined ? values.get(`${name}_time`) : microseconds * BigInt(nsPerMicrosecond);
  };
  const usage = time('usage');
  const bursts = values.get('nr_bursts');
  const burst = time('burst');
  return {
    periods: Number(values.get('nr_periods') ?? 0n),
    throttledPeriods: Number(values.get('nr_throttled') ?? 0n),
    throttled: time('throttled') ?? 0n,
    ...(usage === undefined ? {} : { usage }),
    ...(bursts === undefined ? {} : { bursts: Number(bursts) }),
    ...(burst === undefined ? {} : { burst }),
  };
}

/** `cpu.pressure` and the like; the averages in it are left aside. `irq.pressure` has no `some`. */
export function parsePressure(text: string): Pressure {
  const total = (kind: string) => {
    const found = new RegExp(`^${kind} .*total=(\\d+)$`, 'm').exec(text)?.[1];
    return found === undefined ? undefined : BigInt(found) * BigInt(nsPerMicrosecond);
  };
  const some = total('some');
  const full = total('full');
  if (some === undefined && full === undefined) throw new SyntaxError('neither some nor full');
  return { ...(some === undefined ? {} : { some }), ...(full === undefined ? {} : { full }) };
}

/** A list of CPUs as it is, without the end of the line; undefined: none. Throws if it is no list. */
export function parseCpuList(text: string): string | undefined {
  return countCpus(text) === 0 ? undefined : text.trim();
}

/** CPUs in a list as the kernel writes it, `0-3,8`. Throws if it is none. */
export function countCpus(list: string): number {
  const trimmed = list.trim();
  if (trimmed === '') return 0;
  let count = 0;
  for (const range of trimmed.split(',')) {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
    const size = Number(last) - Number(first) + 1;
    if (!(size > 0)) throw new SyntaxError('not a range of CPUs');
    count += size;
  }
  return count;
}

/** Lines of a name and a number; those of names this program does not know are welcome. */
function parseFlatKeyed(text: string): ReadonlyMap<string, bigint> {
  const values = new Map<string, bigint>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const blank = line.indexOf(' ');
    if (blank <= 0) throw new SyntaxError('not a name and a number');
    values.set(line.slice(0, blank), parseTotal(line.slice(blank + 1)));
  }
  return values;
}
