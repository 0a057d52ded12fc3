import type { Cgroups } from '../../src/cgroup/cgroups.ts';
import type { CgroupFiles } from '../../src/cgroup/files/files.ts';
import type { OwnCgroup } from '../../src/cgroup/own.ts';
import { Serials } from '../../src/cgroup/serials.ts';
import type { CgroupId, UnixNanoseconds } from '../../src/telemetry/units.ts';

/** Cgroups with the paths that a test gives them. */
export class FakeCgroups implements Cgroups {
  files: CgroupFiles | undefined;
  ownId: CgroupId | undefined;
  readonly #paths = new Map<CgroupId, string>();
  readonly #serials = new Serials(100);

  set(id: CgroupId, path: string): void {
    this.#paths.set(id, path);
  }

  path(id: CgroupId, _at?: UnixNanoseconds): string | undefined {
    return this.#paths.get(id);
  }

  *living() {
    for (const [id, path] of this.#paths) yield { id, path };
  }

  serials(): Serials {
    return this.#serials;
  }

  own(): OwnCgroup {
    return this.ownId === undefined
      ? { kind: 'hidden', reason: 'there is none' }
      : { kind: 'found', id: this.ownId, directory: '/' };
  }

  async close() {}
}
