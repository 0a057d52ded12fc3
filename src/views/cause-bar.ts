import { type Cause, causes } from '../telemetry/attributes/wait.ts';

/** Whether what shows it has colours; letters stand in for them. */
export interface Colours {
  readonly colour: boolean;
}

/** The causes of a wait in proportion, so many columns wide. */
export const causeBar = (waits: ReadonlyMap<Cause, number>, width: number, look: Colours): string =>
  partsOf(waits, width)
    .map(({ cause, width: columns }) => mark(cause, columns, look))
    .join('');

/** The marks in bars of that width, with their causes. */
export function legend(bars: readonly ReadonlyMap<Cause, number>[], width: number, look: Colours): string {
  const seen = new Set(bars.flatMap((waits) => partsOf(waits, width).map(({ cause }) => cause)));
  return causes
    .filter((cause) => seen.has(cause))
    .map((cause) => `${mark(cause, 1, look)} ${cause}`)
    .join('   ');
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

export const mark = (cause: Cause, cellsWide: number, look: Colours) =>
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

/** `sgr`: the code of the colour, or of the style. */
export const paint = (sgr: string, text: string, look: Colours) =>
  look.colour && text !== '' ? `\x1b[${sgr}m${text}\x1b[0m` : text;
