import { at, blameOf, type Kept, keptColumns, type Workload, width } from './kept.ts';
import { copy, packSum, renumber, rowsOf, startRows } from './kept-blame.ts';

/** Of two spans, the second of which is the later one. */
export function joined(a: Kept, b: Kept): Kept {
  const [rowInA, rowInB] = [rowFinder(a), rowFinder(b)];
  const added = b.workloads.filter((workload, row) => rowInA(workload, row) < 0);
  const workloads = [...a.workloads, ...added];
  const columns = keptColumns(workloads.length);
  columns.figures.set(a.figures);
  columns.worst.set(a.worst);
  const { culprits, indices } = culpritsOfBoth(a, b);
  const blame = startRows(rowsIn(a) + rowsIn(b));
  let row = 0;
  for (const workload of workloads) {
    const former = row < a.workloads.length ? blameOf(a, row) : { rows: a.blame, begin: 0, end: 0 };
    const later = rowInB(workload, row);
    if (later < 0) copy(former, blame);
    else {
      if (addFigures(columns.figures, row, { from: b.figures, later }))
        columns.worst[row] = indices[b.worst[later] ?? 0] ?? 0;
      const wait = columns.figures[row * width + at.wait] ?? 0;
      packSum(former, blameOf(b, later), { indices, wait, to: blame });
    }
    columns.begins[++row] = blame.count;
  }
  const rows = rowsOf(blame);
  return {
    ...{ ...columns, workloads },
    blame: { ...rows, culprits: renumber(culprits, [rows.culprit, columns.worst]) },
  };
}

const rowsIn = ({ begins }: Kept) => (begins.at(-1) ?? 0) - (begins[0] ?? 0);

/** Adds those of a later span; true: the worst window is one of its. */
function addFigures(
  to: Float64Array,
  row: number,
  { from, later }: { readonly from: Float64Array; readonly later: number },
): boolean {
  const [into, begin] = [row * width, later * width];
  for (let of = 0; of < at.p99; of++) to[into + of] = (to[into + of] ?? 0) + (from[begin + of] ?? 0);
  if (isAbove(from[begin + at.p99], to[into + at.p99])) to[into + at.p99] = from[begin + at.p99] ?? 0;
  if (!isAbove(from[begin + at.worstShare], to[into + at.worstShare])) return false;
  for (let of = at.worstShare; of < width; of++) to[into + of] = from[begin + of] ?? 0;
  return true;
}

/** Any number is above NaN. */
const isAbove = (a = Number.NaN, b = Number.NaN) => a > b || (Number.isNaN(b) && !Number.isNaN(a));

/** Most workloads have the same row in all spans. */
function rowFinder({ workloads }: Kept): (workload: Workload, likely: number) => number {
  let rows: ReadonlyMap<Workload, number> | undefined;
  return (workload, likely) => {
    if (workloads[likely] === workload) return likely;
    rows ??= new Map(workloads.map((of, row) => [of, row]));
    return rows.get(workload) ?? -1;
  };
}

/** The newest names of each, and the indices in them of those of the later span. */
function culpritsOfBoth(a: Kept, b: Kept) {
  const culprits = [...a.blame.culprits];
  const byCgroup = new Map(culprits.map((culprit, index) => [culprit?.cgroup, index]));
  const indices = new Uint32Array(b.blame.culprits.length);
  for (const [index, culprit] of b.blame.culprits.entries()) {
    const into = byCgroup.get(culprit?.cgroup) ?? culprits.length;
    culprits[into] = culprit;
    indices[index] = into;
  }
  return { culprits, indices };
}
