import { failuresOf, type Verdict } from './verdict.ts';

/** A column a kernel. */
export function formatTable(verdicts: readonly Verdict[]): string {
  const union = (keys: (verdict: Verdict) => Iterable<string>) => [
    ...new Set(verdicts.flatMap((of) => [...keys(of)])),
  ];
  const number = (value: number | undefined, digits = 0, unit = '') =>
    value === undefined || Number.isNaN(value) ? '-' : `${value.toFixed(digits)}${unit}`;
  const rows: readonly (readonly [string, (verdict: Verdict) => string])[] = [
    ['kernel', (of) => of.series],
    ['version', (of) => of.version.replace(/\+deb.*$/, '')],
    ['result', (of) => (failuresOf(of).length > 0 ? 'FAILED' : 'ok')],
    ['tests passed', (of) => number(of.passed.length)],
    ['  failed', (of) => number(of.failed.length)],
    ['  skipped', (of) => number(of.skipped.length)],
    ['wall time', (of) => number(of.seconds, 0, ' s')],
    ['loading in the emulator', (of) => number(of.loadMs, 0, ' ms')],
    ...union((of) => Object.keys(of.verified)).map(
      (program) =>
        [`instructions verified: ${program}`, (of: Verdict) => number(of.verified[program])] as const,
    ),
    ...union((of) => of.errors.keys()).map(
      (what) => [`error: ${what}`, (of: Verdict) => number(of.errors.get(what), 2, ' %')] as const,
    ),
  ];
  const columns = [
    rows.map(([name]) => name),
    ...verdicts.map((verdict) => rows.map(([, cell]) => cell(verdict))),
  ];
  const widths = columns.map((cells) => Math.max(...cells.map((cell) => cell.length)));
  return rows
    .map((_, row) =>
      columns
        .map((cells, i) => {
          const cell = cells[row] ?? '';
          return i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
