import { printable } from '../../printable.ts';
import { type Cause, causes } from '../../telemetry/attributes/wait.ts';
import type { Row, Screen } from '../../views/contention.ts';
import { durationParts, percentage, twoDigits } from '../../views/quantities.ts';

export interface Look {
  /** Columns of the terminal. */
  readonly width: number;
  readonly colour: boolean;
  /** Workloads shown at most. */
  readonly rows: number;
}

export function render(screen: Screen, look: Look): string {
  const shown = screen.rows.slice(0, look.rows).map(printableRow);
  const hidden = screen.rows.length - shown.length;
  const widths = widthsOf([...shown, screen.total], look.width);
  const strong = (text: string) => paint('1', text, look);
  return [
    '',
    strong(headline(screen)),
    ...(shown.length === 0
      ? ['no waits for CPU']
      : [
          strong(line(titles, widths)),
          ...shown.map((row) => line(cells(row, screen, widths, look), widths)),
          ...(hidden > 0 ? [`and ${hidden} more`] : []),
          line(cells(screen.total, screen, widths, look), widths),
          legend([...shown, screen.total], widths.bar, look),
        ]),
  ]
    .map((text) => text.trimEnd())
    .join('\n')
    .concat('\n');
}

function printableRow({ name, culprit, ...figures }: Row): Row {
  const named = culprit && { ...culprit, name: printable(culprit.name) };
  return { ...figures, name: printable(name), culprit: named };
}

function headline({ end, seconds, recording }: Screen): string {
  const time = end.toTimeString().slice(0, 8);
  const mark = recording === undefined ? '' : `   RECORDING ${printable(recording)}`;
  return `${time}   last ${seconds < 10 ? Number(seconds.toPrecision(2)) : Math.round(seconds)} s${mark}`;
}

interface Cells {
  readonly name: string;
  readonly waits: string;
  readonly p50: string;
  readonly p99: string;
  readonly share: string;
  /** Padded already: it may hold colour codes. */
  readonly bar: string;
  readonly culprit: string;
}

interface Widths {
  readonly name: number;
  readonly bar: number;
  readonly culprit: number;
}

const titles: Cells = {
  name: 'WORKLOAD',
  waits: 'WAITS/s',
  p50: 'P50   ',
  p99: 'P99   ',
  share: 'WAIT %',
  bar: 'CAUSES',
  culprit: 'MAIN CULPRIT',
};

function cells(row: Row, screen: Screen, widths: Widths, look: Look): Cells {
  return {
    name: row.name,
    waits: rate(row.waits / screen.seconds),
    p50: duration(row.p50),
    p99: duration(row.p99),
    share: percentage(row.wait / (row.wait + row.run)),
    bar: partsOf(row.causes, widths.bar)
      .map(({ cause, width }) => mark(cause, width, look))
      .join(''),
    culprit: row.culprit
      ? `${percentage(row.culprit.share).padStart(5)}  ${shorten(row.culprit.name, widths.culprit - 7)}`
      : '',
  };
}

function line({ name, waits, p50, p99, share, bar: causesBar, culprit }: Cells, widths: Widths): string {
  return [
    shorten(name, widths.name).padEnd(widths.name),
    waits.padStart(8),
    p50.padStart(7),
    p99.padStart(7),
    share.padStart(6),
    causesBar.padEnd(widths.bar),
    culprit,
  ].join('  ');
}

function widthsOf(rows: readonly Row[], width: number): Widths {
  const barWidth = width < 100 ? 10 : 20;
  const flexible = width - (8 + 7 + 7 + 6 + barWidth + 6 * 2);
  const longest = (texts: readonly string[]) => Math.max(...texts.map((text) => text.length));
  const name = longest([titles.name, ...rows.map((row) => row.name)]);
  const culprit = longest([titles.culprit, ...rows.map((row) => `100 %  ${row.culprit?.name ?? ''}`)]);
  const least = 14;
  const nameWidth = Math.max(least, Math.min(name, Math.max(flexible - culprit, flexible >> 1)));
  return {
    name: nameWidth,
    bar: barWidth,
    culprit: Math.max(least, Math.min(culprit, flexible - nameWidth)),
  };
}

/** Head and tail stay: the one is the place, the other the name. */
function shorten(text: string, width: number): string {
  if (text.length <= width) return text;
  const head = (width - 1) >> 1;
  return `${text.slice(0, head)}…${text.slice(text.length - (width - 1 - head))}`;
}

/** Letters where there are no colours. */
const marks: Readonly<Record<Cause, { readonly letter: string; readonly sgr: string }>> = {
  self: { letter: 'S', sgr: '34' },
  sibling: { letter: 'B', sgr: '36' },
  neighbor: { letter: 'N', sgr: '31' },
  system: { letter: 'Y', sgr: '35' },
  kernel: { letter: 'K', sgr: '33' },
  irq: { letter: 'I', sgr: '93' },
  steal: { letter: 'H', sgr: '95' },
  throttled: { letter: 'T', sgr: '32' },
  throttled_ancestor: { letter: 'A', sgr: '92' },
  idle: { letter: '·', sgr: '90' },
  unknown: { letter: '?', sgr: '37' },
};

const mark = (cause: Cause, cellsWide: number, look: Look) =>
  look.colour ? paint(marks[cause].sgr, '█'.repeat(cellsWide), look) : marks[cause].letter.repeat(cellsWide);

interface Part {
  readonly cause: Cause;
  readonly width: number;
}

/** In proportion, the largest remainders rounded up, so that the bar is always full; causes too small for a cell are left out. */
function partsOf(waits: ReadonlyMap<Cause, number>, width: number): readonly Part[] {
  const whole = [...waits.values()].reduce((a, b) => a + b, 0);
  if (whole <= 0) return [];
  const parts = causes.map((cause) => {
    const exact = ((waits.get(cause) ?? 0) / whole) * width;
    return { cause, full: Math.floor(exact), rest: exact % 1 };
  });
  const missing = width - parts.reduce((sum, { full }) => sum + full, 0);
  const up = new Set(parts.toSorted((a, b) => b.rest - a.rest).slice(0, missing));
  return parts
    .map((part) => ({ cause: part.cause, width: part.full + (up.has(part) ? 1 : 0) }))
    .filter((part) => part.width > 0);
}

function legend(rows: readonly Row[], width: number, look: Look): string {
  const seen = new Set(rows.flatMap((row) => partsOf(row.causes, width).map(({ cause }) => cause)));
  return causes
    .filter((cause) => seen.has(cause))
    .map((cause) => `${mark(cause, 1, look)} ${cause}`)
    .join('   ');
}

export const paint = (sgr: string, text: string, look: Pick<Look, 'colour'>) =>
  look.colour && text !== '' ? `\x1b[${sgr}m${text}\x1b[0m` : text;

/** Two digits and the unit that suits; the unit is always two columns wide, so that the numbers stay aligned. */
function duration(seconds: number | undefined): string {
  if (seconds === undefined) return '-   ';
  const { value, unit } = durationParts(seconds);
  return `${value} ${unit.padEnd(2)}`;
}

function rate(perSecond: number): string {
  return perSecond < 9.95 ? twoDigits(perSecond) : Math.round(perSecond).toLocaleString('en-US');
}
