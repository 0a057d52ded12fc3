/** Quantities as people read them. */

const units = [
  { size: 1, name: 's' },
  { size: 1e-3, name: 'ms' },
  { size: 1e-6, name: 'µs' },
  { size: 1e-9, name: 'ns' },
] as const;

/** Two digits, of seconds, and the unit that suits. */
export function durationParts(seconds: number): { readonly value: string; readonly unit: string } {
  const unit = units.find(({ size }) => seconds >= size * 0.9995) ?? units[3];
  return { value: twoDigits(seconds / unit.size), unit: unit.name };
}

export function duration(seconds: number): string {
  const { value, unit } = durationParts(seconds);
  return `${value} ${unit}`;
}

/** A length of time that is watched: minutes and hours where seconds are many. */
export function period(seconds: number): string {
  if (seconds < 119.5) return duration(seconds);
  return seconds < 7170 ? `${twoDigits(seconds / 60)} min` : `${twoDigits(seconds / 3600)} h`;
}

export const twoDigits = (value: number) => value.toFixed(value < 9.95 && value !== 0 ? 1 : 0);

/** Of a share, 0 to 1. */
export function percentage(share: number): string {
  if (!Number.isFinite(share)) return '-';
  const percent = share * 100;
  return percent > 0 && percent < 0.5 ? '<1 %' : `${percent.toFixed(0)} %`;
}

/** A number of CPUs; below one with two decimals, as limits and requests have them. */
export function cpus(count: number): string {
  const text = count < 9.95 ? count.toFixed(count < 0.995 ? 2 : 1) : count.toFixed(0);
  return `${text.replace(/(\.\d)0$/, '$1')} ${text === '1.0' ? 'CPU' : 'CPUs'}`;
}
