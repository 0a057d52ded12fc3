import { podFacts } from '../src/identity/kubernetes/pod-facts.ts';
import type { FactSink } from '../src/identity/source.ts';
import { containerIdOf, madePod, uidOf } from '../test/unit/identity/kubernetes/made-pods.ts';

const containers = ['app', 'log', 'mesh'] as const;

/** A made-up node: pods of three containers in numbered places, of which a new one may take the place of an old one. */
export class MadeNode {
  /** Which pod is in each place. */
  readonly #numbers: number[];
  readonly #texts = new Map<number, string>();
  #next: number;

  constructor(places: number) {
    this.#numbers = Array.from({ length: places }, (_, i) => i);
    this.#next = places;
  }

  get places(): readonly number[] {
    return this.#numbers.keys().toArray();
  }

  /** A new pod for the old one. */
  change(place: number): void {
    this.#texts.delete(this.#numberOf(place));
    this.#numbers[place] = this.#next++;
  }

  cgroupsOf(place: number): { readonly id: bigint; readonly path: string }[] {
    const number = this.#numberOf(place);
    return containers.map((name, i) => ({
      id: BigInt(1000 + number * containers.length + i),
      path: `/kubepods/burstable/pod${uidOf(number)}/${containerIdOf(number, name)}`,
    }));
  }

  /** What `GET /pods` answers. */
  list(): string {
    const texts = this.#numbers.map((number) => {
      const text = this.#texts.get(number) ?? JSON.stringify(madePod(number));
      this.#texts.set(number, text);
      return text;
    });
    return `{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[${texts.join(',')}]}`;
  }

  report(facts: FactSink, place: number): void {
    const known = podFacts(madePod(this.#numberOf(place)));
    if (!known) throw new Error('cannot report a pod: it has no uid');
    facts.upsertPod(known.pod);
    for (const container of known.containers) facts.upsertContainer(container);
  }

  uidAt(place: number): string {
    return uidOf(this.#numberOf(place));
  }

  #numberOf(place: number): number {
    return this.#numbers[place] ?? 0;
  }
}
