import { printable } from '../../printable.ts';
import { causeBar, legend, paint } from '../../views/cause-bar.ts';
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
          legend(
            [...shown, screen.total].map((row) => row.causes),
            widths.bar,
            look,
          ),
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
    bar: causeBar(row.causes, widths.bar, look),
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

/** Two digits and the unit that suits; the unit is always two columns wide, so that the numbers stay aligned. */
function duration(seconds: number | undefined): string {
  if (seconds === undefined) return '-   ';
  const { value, unit } = durationParts(seconds);
  return `${value} ${unit.padEnd(2)}`;
}

function rate(perSecond: number): string {
  return perSecond < 9.95 ? twoDigits(perSecond) : Math.round(perSecond).toLocaleString('en-US');
}
