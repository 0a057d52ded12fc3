/** A comparison takes microseconds; ids come from the configuration. */
const maxCandidates = 1000;

/** ` (did you mean "interval"?)`, or nothing if no candidate is near. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const limit = Math.max(1, Math.floor(word.length / 3));
  const written = word.toLowerCase();
  const near = candidates
    .slice(0, maxCandidates)
    .map((candidate) => ({ candidate, lower: candidate.toLowerCase() }))
    // No distance is below the difference of the lengths: a word of megabytes is compared with no key.
    .filter(({ lower }) => Math.abs(written.length - lower.length) <= limit)
    .map(({ candidate, lower }) => ({ candidate, distance: editDistance(written, lower) }))
    .filter(({ candidate, distance }) => distance <= limit && candidate !== word)
    .sort((a, b) => a.distance - b.distance)[0];
  return near ? ` (did you mean "${near.candidate}"?)` : '';
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(previous, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(beforePrevious, j - 2) + 1 : Infinity;
      row.push(Math.min(at(row, j - 1) + 1, at(previous, j) + 1, replaced, swapped));
    }
    beforePrevious = previous;
    previous = row;
  }
  return at(previous, b.length);
}

const at = (row: readonly number[], index: number) => row[index] ?? Infinity;
