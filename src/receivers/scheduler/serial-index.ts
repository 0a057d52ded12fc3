import type { CgroupId } from '../../telemetry/units.ts';
import { pseudoSerials as pseudo } from './abi.ts';
import type { Waiter } from './source.ts';

/**
 * The kernel side means cgroups by a serial number that is never used twice (`serial`); this knows which cgroup id each
 * was. The oldest are forgotten beyond `limit`, long after their cgroups have gone.
 */
export class SerialIndex {
  readonly #ids = new Map<bigint, CgroupId>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A cell that is just being claimed has no cgroup id yet: 0. */
  learn(serial: bigint, id: CgroupId): void {
    if (id === 0n || serial === pseudo.kernel || serial === pseudo.overflow || this.#ids.get(serial) === id)
      return;
    this.#ids.set(serial, id);
    if (this.#ids.size > this.#limit) {
      const [oldest] = this.#ids.keys();
      if (oldest !== undefined) this.#ids.delete(oldest);
    }
  }

  /** `undefined`: never heard of. */
  find(serial: bigint): Waiter | 'idle' | undefined {
    if (serial === pseudo.idle) return 'idle';
    if (serial === pseudo.kernel) return 'kernel';
    if (serial === pseudo.overflow) return 'overflow';
    return this.#ids.get(serial);
  }

  /** The cgroup, or undefined where there is none or it is not known. */
  findCgroup(serial: bigint): CgroupId | undefined {
    const found = this.find(serial);
    return typeof found === 'bigint' ? found : undefined;
  }
}
