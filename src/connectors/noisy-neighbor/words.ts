/** Quantities as people read them. */

export const percent = (share: number): string => {
  const value = 100 * share;
  return value > 0 && value < 0.5 ? 'under 1 %' : `${value.toFixed(0)} %`;
};

export const cpus = (count: number): string => {
  const text = count < 9.95 ? count.toFixed(count < 0.995 ? 2 : 1) : count.toFixed(0);
  return `${text.replace(/(\.\d)0$/, '$1')} ${text === '1.0' ? 'CPU' : 'CPUs'}`;
};

const units = [
  { size: 1, name: 's' },
  { size: 1e-3, name: 'ms' },
  { size: 1e-6, name: 'µs' },
  { size: 1e-9, name: 'ns' },
] as const;

/** Two digits, of seconds. */
export function duration(seconds: number): string {
  const unit = units.find(({ size }) => seconds >= size * 0.9995) ?? units[3];
  const value = seconds / unit.size;
  return `${value.toFixed(value < 9.95 && value !== 0 ? 1 : 0)} ${unit.name}`;
}
