/** Both in ns. */
export interface Clocks {
  now(): bigint;
  monotonic(): bigint;
}

/** ns. Two readings of clocks one after the other take far less. */
const closeEnough = 100_000n;
const maxAttempts = 100;

/**
 * Wall clock less monotonic clock, ns. Between the two readings the process may lose its CPU, for long on a busy machine:
 * then both are read again. The closest pair counts where none is close.
 */
export function clockOffset({ now, monotonic }: Clocks): bigint {
  let closest: { readonly apart: bigint; readonly offset: bigint } | undefined;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const before = monotonic();
    const offset = now() - before;
    const apart = monotonic() - before;
    if (apart < closeEnough) return offset;
    if (!closest || apart < closest.apart) closest = { apart, offset };
  }
  return closest?.offset ?? 0n;
}
