/**
 * Rows of a table by CPU number, of the kernel's list of CPUs that can ever be (`0-3,8-11`: 12): numbers can have gaps, so
 * that there are fewer CPUs than rows.
 */
export function cpuRowsOf(possible: string): number {
  const last = /(\d+)\s*$/.exec(possible)?.[1];
  if (last === undefined) throw new Error(`cannot count CPUs: '${possible.trim()}' is no list of numbers`);
  return Number(last) + 1;
}
