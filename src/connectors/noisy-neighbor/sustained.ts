/** Whether something held in the last windows, one bit a window, the newest lowest. */
export interface Held {
  readonly windows: number;
  /** Since when it has been sustained without a break, as `elapsed` of the windows; undefined: it is not. */
  readonly since: number | undefined;
}

export const neverHeld: Held = { windows: 0, since: undefined };

export interface Sustained {
  /** Windows in which it must have held, … */
  readonly windows: number;
  /** … among so many, at most 30. */
  readonly of: number;
}

/** After one more window, which ended at `now`. */
export function hold(before: Held, holds: boolean, now: number, { windows, of }: Sustained): Held {
  const bits = ((before.windows << 1) | (holds ? 1 : 0)) & ((1 << of) - 1);
  const since = bitCount(bits) >= windows ? (before.since ?? now) : undefined;
  return bits === before.windows && since === before.since ? before : { windows: bits, since };
}

/** As if the time after the last window had not passed: nothing is known to have held then. */
export const withoutGap = (held: Held, gap: number): Held =>
  gap === 0 || held.since === undefined ? held : { ...held, since: held.since + gap };

function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest; rest &= rest - 1) count++;
  return count;
}
