/** Consecutive slices of at most so many elements. */
export function chunks<T>(all: readonly T[], most: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / most) }, (_, index) =>
    all.slice(index * most, (index + 1) * most),
  );
}

/** Consecutive groups of at most so many items; each part has `most` or less, and those without items are left out. */
export function pack<T>(parts: readonly T[], itemsIn: (part: T) => number, most: number): readonly T[][] {
  const groups: T[][] = [];
  let group: T[] = [];
  let room = 0;
  for (const part of parts) {
    const items = itemsIn(part);
    if (items === 0) continue;
    if (items > room) {
      group = [];
      groups.push(group);
      room = most;
    }
    group.push(part);
    room -= items;
  }
  return groups;
}
