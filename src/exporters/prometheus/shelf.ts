import { type Family, type Sample, sampleNames } from './families.ts';
import type { Label } from './labels.ts';
import { escapedLabel } from './names.ts';
import { infoName } from './targets.ts';

export interface OwnFamily extends Family {
  readonly series: Map<string, Sample>;
}

/** Where a series is shown. */
export interface Shown {
  readonly family: OwnFamily;
  readonly identity: string;
}

interface Wanted extends Pick<Family, 'name' | 'type' | 'help'> {
  readonly labels: readonly Label[];
}

/** The names that are in use, each by one metric, and in it each set of labels by one series. */
export class Shelf {
  readonly #families = new Map<string, OwnFamily>();
  /** Names of samples. */
  readonly #taken = new Set<string>();

  constructor(namespace: string) {
    this.#taken.add(infoName(namespace));
  }

  families(): readonly Family[] {
    return [...this.#families.values()];
  }

  place({ labels, ...described }: Wanted): Shown | 'collision' | 'type_conflict' {
    const known = this.#families.get(described.name);
    if (known !== undefined && known.type !== described.type) return 'type_conflict';
    const family = known ?? this.#begin(described);
    if (family === undefined) return 'type_conflict';
    // a reader that cannot read all characters gets the same names for labels that differ in them
    const identity = JSON.stringify(labels.map(([name, value]) => [escapedLabel(name), value]));
    return family.series.has(identity) ? 'collision' : { family, identity };
  }

  remove({ family, identity }: Shown): void {
    family.series.delete(identity);
    if (family.series.size > 0) return;
    this.#families.delete(family.name);
    for (const name of sampleNames(family)) this.#taken.delete(name);
  }

  #begin(described: Omit<Wanted, 'labels'>): OwnFamily | undefined {
    const names = sampleNames(described);
    if (names.some((name) => this.#taken.has(name))) return undefined;
    const series = new Map<string, Sample>();
    const family: OwnFamily = {
      ...{ ...described, series },
      get samples() {
        return series.values();
      },
    };
    for (const name of names) this.#taken.add(name);
    this.#families.set(described.name, family);
    return family;
  }
}
