import { type Nanoseconds, toMilliseconds } from './telemetry/units.ts';

export interface Sampling {
  readonly enabled: boolean;
  readonly tick: Nanoseconds;
  readonly initial: number;
  readonly thereafter: number;
}

interface Count {
  began: number;
  seen: number;
  leftOut: number;
}

/** Messages differ without bound only where they are bugs; then all counts begin anew. */
const mostMessages = 1000;

/**
 * Whether a line is written, and how many like it were left out since the one before: of the same level and message (which names the component) in a tick the first,
 * and then every so many, as the Collector has it. Undefined: left out.
 */
export function createSampler(
  { enabled, tick, initial, thereafter }: Sampling,
  now = () => performance.now(),
) {
  const counts = new Map<string, Count>();
  const length = toMilliseconds(tick);
  return (level: unknown, message: unknown): number | undefined => {
    if (!enabled) return 0;
    const key = `${level}\n${message}`;
    if (!counts.has(key) && counts.size >= mostMessages) counts.clear();
    const count = counts.get(key) ?? { began: now(), seen: 0, leftOut: 0 };
    counts.set(key, count);
    if (now() - count.began >= length) Object.assign(count, { began: now(), seen: 0 });
    count.seen++;
    const beyond = count.seen - initial;
    if (beyond > 0 && (thereafter === 0 || beyond % thereafter !== 0)) {
      count.leftOut++;
      return undefined;
    }
    const { leftOut } = count;
    count.leftOut = 0;
    return leftOut;
  };
}
