import type { CgroupId } from '../telemetry/units.ts';

/**
 * Which cgroup a css serial number belongs to. The kernel never uses a serial number twice, so one that belonged to a
 * removed cgroup keeps its meaning for late records. Beyond `limit` those of removed cgroups are forgotten first, of each
 * kind the oldest first.
 */
export class Serials {
  readonly #ids = new Map<bigint, CgroupId>();
  /** In the order of their removal. */
  readonly #removed = new Set<bigint>();
  readonly #limit: number;
  readonly #lose: () => void;
  #lookUps: readonly (() => void)[] = [];

  /** `lose` is called for each living cgroup whose serial number is forgotten. */
  constructor(limit: number, lose: () => void = () => {}) {
    this.#limit = limit;
    this.#lose = lose;
  }

  /** From now on an unknown serial number is looked up: each function sets what it finds, in turn until it is known. */
  follow(lookUps: readonly (() => void)[]): void {
    this.#lookUps = lookUps;
  }

  find(serial: bigint): CgroupId | undefined {
    let known = this.#ids.get(serial);
    for (const lookUp of this.#lookUps) {
      if (known !== undefined) break;
      lookUp();
      known = this.#ids.get(serial);
    }
    return known;
  }

  set(serial: bigint, id: CgroupId): void {
    if (this.#ids.get(serial) === id) return;
    this.#ids.set(serial, id);
    if (this.#ids.size > this.#limit) this.#forgetOldest();
  }

  markRemoved(serial: bigint): void {
    if (this.#ids.has(serial)) this.#removed.add(serial);
  }

  #forgetOldest(): void {
    const [removed] = this.#removed;
    const [oldest] = this.#ids.keys();
    const serial = removed ?? oldest;
    if (serial === undefined) return;
    if (removed === undefined) this.#lose();
    this.#ids.delete(serial);
    this.#removed.delete(serial);
  }
}
