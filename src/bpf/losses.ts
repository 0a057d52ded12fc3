import type { BpfMap, BpfObject } from './bpf.ts';
import type { Btf } from './layout.ts';
import { readBigint, wordsOf } from './u64.ts';

/** The map of `bpf/lib/losses.bpf.h`: of each CPU a count for each reason. */
const losses = 'losses';
const onlyKey = new Uint8Array(4);

/** Totals by reason over all CPUs; empty for an object that does not include the header. */
export function readLosses(
  maps: readonly BpfMap[],
  btf: Pick<Btf, 'names'>,
): Readonly<Record<string, number>> {
  const map = maps.find(({ name }) => name === losses);
  const counts = map?.get(onlyKey);
  if (!map || !counts) return {};
  const words = wordsOf(counts);
  const totals: Record<string, number> = {};
  for (const [reason, position] of Object.entries(btf.names('loss_reason', 'LOSS_'))) {
    let total = 0n;
    for (let at = position * 8; at < counts.length; at += map.valueSize) total += readBigint(words, at);
    totals[reason] = Number(total);
  }
  return totals;
}

/** What was lost since the call before, at first since the object was opened. */
export function lossReader(
  object: Pick<BpfObject, 'losses'>,
): () => readonly (readonly [reason: string, by: number])[] {
  let before: Readonly<Record<string, number>> = {};
  return () => {
    const now = object.losses();
    const lost = Object.entries(now).map(
      ([reason, total]) => [reason, total - (before[reason] ?? 0)] as const,
    );
    before = now;
    return lost.filter(([, by]) => by !== 0);
  };
}
