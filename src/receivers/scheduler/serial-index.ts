import type { Serials } from '../../cgroup/serials.ts';
import type { CgroupId } from '../../telemetry/units.ts';
import { pseudoSerials as pseudo } from './abi.ts';
import type { Waiter } from './source.ts';

/** What a serial number stands for: a cgroup, kernel threads, no task at all, or all cgroups beyond the slots. */
export class SerialIndex {
  readonly #serials: Pick<Serials, 'find' | 'set'>;

  constructor(serials: Pick<Serials, 'find' | 'set'>) {
    this.#serials = serials;
  }

  /** Cells and waits carry both. A cell that is just being claimed has no cgroup id yet: 0. */
  learn(serial: bigint, id: CgroupId): void {
    if (id !== 0n && serial !== pseudo.kernel && serial !== pseudo.overflow) this.#serials.set(serial, id);
  }

  /** Undefined: unknown. */
  find(serial: bigint): Waiter | 'idle' | undefined {
    if (serial === pseudo.idle) return 'idle';
    if (serial === pseudo.kernel) return 'kernel';
    if (serial === pseudo.overflow) return 'overflow';
    return this.#serials.find(serial);
  }

  /** The cgroup, or undefined where there is none or it is not known. */
  findCgroup(serial: bigint): CgroupId | undefined {
    const found = this.find(serial);
    return typeof found === 'bigint' ? found : undefined;
  }
}
