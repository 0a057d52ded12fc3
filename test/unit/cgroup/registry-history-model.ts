import type { CgroupChange } from '../../../src/cgroup/registry.ts';
import type { Scan } from '../../../src/cgroup/scan.ts';
import { type CgroupId, cgroupId, type MonotonicNanoseconds } from '../../../src/telemetry/units.ts';

/** A name an id really had, in ns since boot. */
interface Truth {
  readonly path: string;
  readonly from: bigint;
  until: bigint | undefined;
}

/** All that happens does so this far apart, so that no tolerance matters in the middle between two moments. */
export const tick = 20_000_000n;

export type Act =
  | { readonly kind: 'make'; readonly parent: number; readonly name: number; readonly reuse: boolean }
  | { readonly kind: 'remove' | 'enter'; readonly which: number }
  | { readonly kind: 'rename'; readonly which: number; readonly name: number };

/** A hierarchy of cgroups, its events, and its true state at any time. Each act takes a tick. */
export class FakeHierarchy {
  now = 1000n * tick;
  /** Events that have not been read. */
  readonly #pending: CgroupChange[] = [];
  readonly #truth = new Map<CgroupId, Truth[]>();
  #nextId = 2n;

  constructor() {
    this.#begin(cgroupId(1n), '/', 0n);
    this.#begin(cgroupId(this.#nextId++), '/a', 0n);
    this.#begin(cgroupId(this.#nextId++), '/a/b', 0n);
  }

  get ids(): readonly CgroupId[] {
    return [...this.#truth.keys()];
  }

  living(): ReadonlyMap<CgroupId, string> {
    const living = new Map<CgroupId, string>();
    for (const [id, names] of this.#truth) {
      const last = names.at(-1);
      if (last && last.until === undefined) living.set(id, last.path);
    }
    return living;
  }

  /** Who had the id then, or last before. */
  nameAt(id: CgroupId, at: bigint): string | undefined {
    return this.#truth.get(id)?.findLast(({ from }) => from <= at)?.path;
  }

  existedAt(id: CgroupId, at: bigint): boolean {
    const names = this.#truth.get(id) ?? [];
    return names.some(({ from, until }) => from <= at && (until === undefined || at < until));
  }

  everNamed(id: CgroupId): readonly string[] {
    return this.#truth.get(id)?.map(({ path }) => path) ?? [];
  }

  /** Nothing happens where it cannot. */
  act(act: Act): void {
    this.now += tick;
    switch (act.kind) {
      case 'make':
        this.#make(act);
        break;
      case 'rename':
        this.#rename(act);
        break;
      default: {
        const [id, path] = this.#choose(act.which);
        if (act.kind === 'enter') this.#emit('seen', id, path);
        else if (!this.#isParent(path)) {
          this.#finish(id);
          this.#emit('removed', id, path);
        }
      }
    }
  }

  #make({ parent, name, reuse }: Extract<Act, { kind: 'make' }>): void {
    const [, above] = this.#choose(parent);
    const path = `${above === '/' ? '' : above}/${name}`;
    if (this.#isTaken(path)) return;
    const living = this.living();
    const free = reuse ? this.ids.find((id) => !living.has(id)) : undefined;
    const id = free ?? cgroupId(this.#nextId++);
    this.#begin(id, path, this.now);
    this.#emit('made', id, path);
  }

  #rename({ which, name }: Extract<Act, { kind: 'rename' }>): void {
    const [id, former] = this.#choose(which);
    const path = former.replace(/[^/]*$/, String(name));
    if (former === '/' || this.#isTaken(path)) return;
    for (const [other, below] of this.living()) {
      if (other !== id && !below.startsWith(`${former}/`)) continue;
      this.#finish(other);
      this.#begin(other, path + below.slice(former.length), this.now);
    }
    this.#emit('renamed', id, path);
  }

  #choose(index: number): readonly [CgroupId, string] {
    const living = [...this.living()];
    return living[index % living.length] ?? [cgroupId(1n), '/'];
  }

  #isTaken(path: string): boolean {
    return [...this.living().values()].includes(path);
  }

  #isParent(path: string): boolean {
    return path === '/' || [...this.living().values()].some((other) => other.startsWith(`${path}/`));
  }

  take(): readonly CgroupChange[] {
    return this.#pending.splice(0);
  }

  scan(): Scan {
    return { cgroups: this.living(), unreadable: 0, covers: () => true };
  }

  #emit(kind: CgroupChange['kind'], id: CgroupId, path: string): void {
    this.#pending.push({ kind, id, path, at: this.now as MonotonicNanoseconds });
  }

  #begin(id: CgroupId, path: string, from: bigint): void {
    this.#truth.set(id, [...(this.#truth.get(id) ?? []), { path, from, until: undefined }]);
  }

  #finish(id: CgroupId): void {
    const last = this.#truth.get(id)?.at(-1);
    if (last) last.until = this.now;
  }
}
