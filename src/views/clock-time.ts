/** As the clock of this machine shows it; of a recording, since its beginning. */
export function clockTime(at: Date): string {
  return at.getTime() < firstYear ? at.toISOString().slice(11, 19) : at.toTimeString().slice(0, 8);
}

/** Recordings begin at the Unix epoch. */
const firstYear = 365 * 86_400_000;
