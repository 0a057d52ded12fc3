import { type Nanoseconds, nanoseconds } from '../../telemetry/units.ts';
import { Type } from './type.ts';

const unitNanoseconds: Readonly<Record<string, number>> = {
  h: 3600e9,
  m: 60e9,
  s: 1e9,
  ms: 1e6,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ns: 1,
};
const pattern = '^(0|((\\d+(\\.\\d*)?|\\.\\d+)(ns|us|µs|μs|ms|s|m|h))+)$';
const wholeDuration = new RegExp(pattern);

/** Go's syntax (`1h30m`, `200ms`, `1.5s`, `0`) without signs, up to 2^53 ns; undefined: not a duration. */
export function parseDuration(text: string): Nanoseconds | undefined {
  if (!wholeDuration.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit = ''] of text.matchAll(/([\d.]+)([a-zµμ]+)/g))
    total += Math.round(Number(amount) * (unitNanoseconds[unit] ?? Number.NaN));
  return total <= Number.MAX_SAFE_INTEGER ? nanoseconds(total) : undefined;
}

/** The shortest text in Go's syntax that `parseDuration` turns back into exactly this. */
export function printDuration(duration: Nanoseconds): string {
  if (duration < 1e9) {
    const unit = duration < 1e3 ? 'ns' : duration < 1e6 ? 'µs' : 'ms';
    return duration === 0 ? '0s' : decimal(duration, unitNanoseconds[unit] ?? 1) + unit;
  }
  const hours = Math.floor(duration / 3600e9);
  const minutes = Math.floor((duration % 3600e9) / 60e9);
  const rest = duration % 60e9;
  return `${hours ? `${hours}h` : ''}${minutes ? `${minutes}m` : ''}${rest ? `${decimal(rest, 1e9)}s` : ''}`;
}

/** `n / unit` without the rounding of a division; `unit` is a power of ten. */
function decimal(n: number, unit: number): string {
  const digits = String(unit).length - 1;
  const fraction = digits
    ? String(n % unit)
        .padStart(digits, '0')
        .replace(/0+$/, '')
    : '';
  return `${Math.floor(n / unit)}${fraction && '.'}${fraction}`;
}

export interface DurationLimits {
  /** In the syntax of a duration, as `default` is. */
  readonly minimum?: string;
  readonly maximum?: string;
}

/** A duration in the configuration: text there, `Nanoseconds` for the component. */
export function duration(options: DurationLimits & { default?: string; description?: string } = {}) {
  const { minimum, maximum, ...rest } = options;
  const limits = { ...(minimum && { minimum }), ...(maximum && { maximum }) };
  // Of numbers only 0 goes without a unit; the `duration` keyword (check.ts) does the checking and the decoding.
  return Type.Unsafe<Nanoseconds>({
    type: ['string', 'integer'],
    pattern,
    minimum: 0,
    maximum: 0,
    duration: limits,
    ...rest,
  });
}

/** What is wrong with a value as a duration, with its remedy; undefined: nothing. */
export function durationProblem(
  value: unknown,
  { minimum, maximum }: DurationLimits,
  shown = JSON.stringify(value),
): string | undefined {
  if (typeof value === 'number' && value !== 0 && Number.isFinite(value))
    return `duration ${shown} has no unit: write it like "10s" or "200ms"`;
  const parsed = typeof value === 'string' || value === 0 ? parseDuration(String(value)) : undefined;
  if (parsed === undefined && typeof value === 'string' && wholeDuration.test(value))
    return `${shown} is too long: at most 2500h`;
  if (parsed === undefined) return `${shown} is not a duration: write it like 10s, 1h30m, 200ms or 1.5s`;
  if (minimum && parsed < (parseDuration(minimum) ?? 0)) return `must be at least ${minimum}, got ${shown}`;
  if (maximum && parsed > (parseDuration(maximum) ?? 0)) return `must be at most ${maximum}, got ${shown}`;
  return undefined;
}
