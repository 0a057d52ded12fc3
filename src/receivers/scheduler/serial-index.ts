import type { CgroupId } from '../../telemetry/units.ts';
import { who as pseudo } from './abi.ts';
import type { Waiter } from './source.ts';

/**
 * The kernel side means cgroups by a serial number that is never used twice (`who`); this knows which cgroup id each
 * was. The oldest are forgotten beyond `limit`, long after their cgroups have gone.
 */
export class WhoIndex {
  readonly #ids = new Map<bigint, CgroupId>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A cell that is just being claimed has no cgroup id yet: 0. */
  learn(who: bigint, id: CgroupId): void {
    if (id === 0n || who === pseudo.kernel || who === pseudo.overflow || this.#ids.get(who) === id) return;
    this.#ids.set(who, id);
    if (this.#ids.size > this.#limit) {
      const [oldest] = this.#ids.keys();
      if (oldest !== undefined) this.#ids.delete(oldest);
    }
  }

  /** `undefined`: never heard of. */
  find(who: bigint): Waiter | 'idle' | undefined {
    if (who === pseudo.idle) return 'idle';
    if (who === pseudo.kernel) return 'kernel';
    if (who === pseudo.overflow) return 'overflow';
    return this.#ids.get(who);
  }

  /** The cgroup, or undefined where there is none or it is not known. */
  findCgroup(who: bigint): CgroupId | undefined {
    const found = this.find(who);
    return typeof found === 'bigint' ? found : undefined;
  }
}
