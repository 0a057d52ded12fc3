/** Lines a run of a program, on average. */
export interface MapLines {
  readonly touched: number;
  readonly written: number;
  /** Those that had to come from another CPU's cache, or to be taken from it. */
  readonly transfers: number;
  /** Of them between CPUs that share no cache. */
  readonly far: number;
}

export interface KernelLine {
  readonly touched: number;
  /** The kernel's own code touches it in the same switch. */
  readonly isTouched: boolean;
  readonly members: readonly string[];
}

export interface EventLines {
  readonly runs: number;
  readonly maps: ReadonlyMap<string, MapLines>;
  readonly all: MapLines;
  /** By struct and line. */
  readonly kernel: ReadonlyMap<string, KernelLine>;
}

export interface Lines {
  readonly events: ReadonlyMap<string, EventLines>;
  /** Lines in use, and those that several CPUs have written. */
  readonly shared: ReadonlyMap<string, { readonly used: number; readonly several: number }>;
}

const nothing: MapLines = { touched: 0, written: 0, transfers: 0, far: 0 };

/** What `build/bench/node` printed. */
export function readLines(text: string): Lines {
  const facts = text.split('\n').map((line) => line.split(' '));
  const of = (kind: string) => facts.filter(([first]) => first === kind).map(([, ...words]) => words);
  const events = of('event').map(([name = '', runs = '0']) => {
    const inEvent = (kind: string) => of(kind).filter(([event]) => event === name);
    const maps = inEvent('map').map(
      ([, map = '', ...counts]) => [map, mapLines(counts, Number(runs))] as const,
    );
    const kernel = kernelLines(inEvent('kernel'), Number(runs));
    const all = maps.reduce((sum, [, lines]) => add(sum, lines), nothing);
    return [name, { runs: Number(runs), maps: new Map(maps), all, kernel }] as const;
  });
  const shared = of('lines').map(
    ([map = '', used, several]) => [map, { used: Number(used), several: Number(several) }] as const,
  );
  return { events: new Map(events), shared: new Map(shared) };
}

function mapLines(counts: readonly string[], runs: number): MapLines {
  const [read = 0, written = 0, transfers = 0, far = 0] = counts.map((count) => Number(count) / runs);
  return { touched: read + written, written, transfers, far };
}

function add(a: MapLines, b: MapLines): MapLines {
  return {
    touched: a.touched + b.touched,
    written: a.written + b.written,
    transfers: a.transfers + b.transfers,
    far: a.far + b.far,
  };
}

function kernelLines(facts: readonly (readonly string[])[], runs: number): ReadonlyMap<string, KernelLine> {
  const lines = new Map<string, KernelLine>();
  for (const [, struct, line, isTouched, count, member = ''] of facts) {
    const place = `${struct} ${line}`;
    const { touched = 0, members = [] } = lines.get(place) ?? {};
    lines.set(place, {
      touched: touched + Number(count) / runs,
      isTouched: isTouched === '1',
      members: [...members, member],
    });
  }
  return lines;
}
