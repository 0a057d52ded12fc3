import { setImmediate } from 'node:timers/promises';
import { type Closable, type Running, type ServiceHost, serviceRef } from '../component.ts';
import { seconds } from '../telemetry/units.ts';
import { cgroups as cgroupsRef } from './cgroups.ts';
import type { CgroupFiles, Weight } from './files/files.ts';

/** Weights of the cgroups that somebody asks for, each read again while it is in use. */
export interface CgroupWeights extends Closable {
  /** As `CgroupFiles.weight`, at most an interval old; of a removed cgroup its last one. Undefined: unknown, or not read yet. */
  find(path: string): Weight | undefined;
}

interface Known {
  weight: Weight | undefined;
  /** Intervals since it was asked for. */
  unused: number;
}

const every = seconds(10);
/** Intervals for which a weight is kept that nothing asks for. */
const keptFor = 6;
/** As many as cgroups that the service `cgroups` knows by default, their ancestors included. */
const limit = 16_384;
/** Files read in one step of the event loop: 4 to 10 µs each. */
const atOnce = 256;
/** Files read by `find` in an interval; above that the task reads them, and they are unknown until then. */
const readsInFind = 1024;

export const cgroupWeights = serviceRef({
  id: 'cgroup_weights',
  open: async (host: ServiceHost) => openWeights((await host.use(cgroupsRef)).files),
});

export function openWeights(files: Pick<CgroupFiles, 'weight'> | undefined): CgroupWeights & Running {
  const known = new Map<string, Known>();
  let reads = 0;

  function refresh(path: string, of: Known): void {
    if (of.unused++ >= keptFor) known.delete(path);
    else if (of.unused === 1) of.weight = readWeight(files, path) ?? of.weight;
  }

  return {
    find(path) {
      const former = known.get(path);
      if (former) {
        former.unused = 0;
        return former.weight;
      }
      const [oldest] = known.size < limit ? [] : known.keys();
      if (oldest !== undefined) known.delete(oldest);
      const weight = reads++ < readsInFind ? readWeight(files, path) : undefined;
      known.set(path, { weight, unused: 0 });
      return weight;
    },
    tasks: [
      {
        name: 'weights',
        every,
        async run(abort) {
          reads = 0;
          let done = 0;
          for (const [path, of] of [...known]) {
            if (abort.aborted) return;
            refresh(path, of);
            if (++done % atOnce === 0) await setImmediate();
          }
        },
      },
    ],
    close: async () => known.clear(),
  };
}

function readWeight(files: Pick<CgroupFiles, 'weight'> | undefined, path: string) {
  try {
    return files?.weight(path);
  } catch {
    return undefined; // not permitted, or of another format: whoever asked counts it as unknown
  }
}
