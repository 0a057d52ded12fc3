import { causes } from '../../telemetry/attributes/wait.ts';
import { type Blame, type BlameColumns, blameColumns, type Culprit } from './blame.ts';

/** Parts of the blame of a workload in a window that keep their culprit: those above a hundredth of its wait, … */
const leastPart = 0.01;
/** … the longest so many, of each span. */
const mostParts = 8;
/** And of each cause the sum of the others. */
const mostRows = mostParts + causes.length;

/** Rows of one workload; of which culprits their indices are, the caller knows. */
export interface Rows extends Pick<Blame, 'begin' | 'end'> {
  readonly rows: BlameColumns;
}

/** Rows that are written one after the other, at most as many as the columns are long. */
export interface Written extends BlameColumns {
  count: number;
}

const written = (most: number): Written => ({ ...blameColumns(most), count: 0 });

let scratch = written(0);

/** Until the next call: a window has so many rows that the collector would have much to do with columns for each. */
export function startRows(most: number): Written {
  if (scratch.time.length < most) scratch = written(most);
  scratch.count = 0;
  return scratch;
}

/** The rows that are written, in columns as long as they need. */
export const rowsOf = ({ cause, culprit, time, excess, count }: Written): BlameColumns => ({
  ...{ cause: cause.slice(0, count), culprit: culprit.slice(0, count) },
  ...{ time: time.slice(0, count), excess: excess.slice(0, count) },
});

// of the workload at hand; arrays of its own for each would take longer than all that is done with them
const longest = new Uint32Array(mostParts);
const otherTime = new Float64Array(causes.length);
const otherExcess = new Float64Array(causes.length);
const both = written(2 * mostRows);

/** The longest parts with their culprits; what the others took stays in the sum of its cause. */
export function pack(of: Rows, wait: number, to: Written): void {
  const { rows, begin, end } = of;
  const named = findLongest(of, leastPart * wait);
  for (let n = 0; n < named; n++) {
    const row = longest[n] ?? 0;
    copyRow(rows, row, { to, culprit: rows.culprit[row] ?? 0 });
  }
  let others = 0;
  for (let row = begin; row < end; row++) {
    if (isAmong(named, row)) continue;
    const cause = rows.cause[row] ?? 0;
    const isFirst = ((others >> cause) & 1) === 0;
    others |= 1 << cause;
    otherTime[cause] = (isFirst ? 0 : (otherTime[cause] ?? 0)) + (rows.time[row] ?? 0);
    otherExcess[cause] = (isFirst ? 0 : (otherExcess[cause] ?? 0)) + (rows.excess[row] ?? 0);
  }
  for (let cause = 0; others >> cause > 0; cause++) {
    if (((others >> cause) & 1) === 0) continue;
    const row = to.count++;
    to.cause[row] = cause;
    to.culprit[row] = 0;
    to.time[row] = otherTime[cause] ?? 0;
    to.excess[row] = otherExcess[cause] ?? 0;
  }
}

/** Of two spans, a row for each culprit and cause; `indices`: of the culprits of the second by their own index. */
export function packSum(
  a: Rows,
  b: Rows,
  { indices, wait, to }: { readonly indices: Uint32Array; readonly wait: number; readonly to: Written },
): void {
  both.count = 0;
  copy(a, both);
  const ofFirst = both.count;
  for (let row = b.begin; row < b.end; row++) {
    const culprit = indices[b.rows.culprit[row] ?? 0] ?? 0;
    let into = 0;
    while (into < ofFirst && !(both.culprit[into] === culprit && both.cause[into] === b.rows.cause[row]))
      into++;
    if (into === ofFirst) copyRow(b.rows, row, { to: both, culprit });
    else {
      both.time[into] = (both.time[into] ?? 0) + (b.rows.time[row] ?? 0);
      both.excess[into] = (both.excess[into] ?? 0) + (b.rows.excess[row] ?? 0);
    }
  }
  let named = 0;
  for (let row = 0; row < both.count; row++) if (both.culprit[row]) named++;
  const sum = { rows: both, begin: 0, end: both.count };
  if (named > mostParts) pack(sum, wait, to);
  else copy(sum, to);
}

/** As they are; `indices` of their culprits, where these are others. */
export function copy({ rows, begin, end }: Rows, to: Written, indices?: Uint32Array): void {
  for (let row = begin; row < end; row++) {
    const culprit = rows.culprit[row] ?? 0;
    copyRow(rows, row, { to, culprit: indices ? (indices[culprit] ?? 0) : culprit });
  }
}

/** Leaves out the culprits that no column names, and writes the others' indices into the columns. */
export function renumber(
  culprits: readonly (Culprit | undefined)[],
  columns: readonly Uint32Array[],
): readonly (Culprit | undefined)[] {
  const indices = new Uint32Array(culprits.length);
  const left: (Culprit | undefined)[] = [undefined];
  for (const column of columns)
    for (let row = 0; row < column.length; row++) {
      const culprit = column[row] ?? 0;
      if (culprit === 0) continue;
      if (indices[culprit] === 0) indices[culprit] = left.push(culprits[culprit]) - 1;
      column[row] = indices[culprit] ?? 0;
    }
  return left;
}

/** Writes the rows that keep their culprit to `longest`, the longest first, and returns how many they are. */
function findLongest({ rows: { culprit, time }, begin, end }: Rows, least: number): number {
  let count = 0;
  for (let row = begin; row < end; row++) {
    const own = time[row] ?? 0;
    if (!culprit[row] || own <= least) continue;
    let at = count < mostParts ? count++ : mostParts;
    for (; at > 0 && (time[longest[at - 1] ?? 0] ?? 0) < own; at--)
      if (at < mostParts) longest[at] = longest[at - 1] ?? 0;
    if (at < mostParts) longest[at] = row;
  }
  return count;
}

function isAmong(count: number, row: number): boolean {
  for (let n = 0; n < count; n++) if (longest[n] === row) return true;
  return false;
}

function copyRow(
  { cause, time, excess }: BlameColumns,
  row: number,
  { to, culprit }: { readonly to: Written; readonly culprit: number },
): void {
  const into = to.count++;
  to.cause[into] = cause[row] ?? 0;
  to.culprit[into] = culprit;
  to.time[into] = time[row] ?? 0;
  to.excess[into] = excess[row] ?? 0;
}
