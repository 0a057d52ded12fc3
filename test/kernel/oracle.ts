import { native, program } from './scheduler-fixture.ts';

/** Time by who had the CPU, over all waits of one cgroup. */
export type Replay = ReadonlyMap<
  bigint,
  { readonly waits: number; readonly wait: number; readonly by: ReadonlyMap<bigint, number> }
>;

export const kernelTasks = 1n << 63n;

interface Slice {
  readonly start: bigint;
  readonly end: bigint;
  readonly who: bigint;
}

/** Records every switch until `replay`, which accounts for each wait by going through all slices it overlaps. */
export function openOracle(): { collect(): void; replay(): Replay; close(): void } {
  const object = native.open(program('test/oracle.bpf.o'), {});
  native.load(object);
  native.attach(object);
  const { size, members } = native.structLayout(object, 'switch_record');
  const at = (name: string) => members[name]?.offset ?? Number.NaN;
  const [clock, queued, prev, next, cpu] = ['clock', 'queued', 'prev', 'next', 'cpu'].map(at) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const buffer = new Uint8Array(1 << 20);
  const records: { clock: bigint; queued: bigint; prev: bigint; next: bigint; cpu: number }[] = [];
  const collect = () => {
    for (;;) {
      const used = native.drain(object, 'switches', buffer, size);
      const view = new DataView(buffer.buffer);
      for (let offset = 0; offset < used; offset += Math.ceil(size / 8) * 8)
        records.push({
          clock: view.getBigUint64(offset + clock, true),
          queued: view.getBigUint64(offset + queued, true),
          prev: view.getBigUint64(offset + prev, true),
          next: view.getBigUint64(offset + next, true),
          cpu: view.getUint32(offset + cpu, true),
        });
      if (used + size <= buffer.length) return;
    }
  };
  return {
    collect,
    replay() {
      collect();
      const lost = new BigUint64Array(1);
      native.readArray(object, 'lost', new Uint8Array(lost.buffer));
      if (lost[0])
        throw new Error(`the oracle lost ${lost[0]} switches: make its ring larger or the load smaller`);
      return replay(records);
    },
    close: () => native.close(object),
  };
}

function replay(
  records: readonly { clock: bigint; queued: bigint; prev: bigint; next: bigint; cpu: number }[],
): Replay {
  const slices = new Map<number, Slice[]>();
  const since = new Map<number, bigint>();
  const result = new Map<bigint, { waits: number; wait: number; by: Map<bigint, number> }>();
  for (const record of records) {
    const mine = slices.get(record.cpu) ?? [];
    slices.set(record.cpu, mine);
    const start = since.get(record.cpu);
    if (start !== undefined) mine.push({ start, end: record.clock, who: record.prev });
    since.set(record.cpu, record.clock);
    if (!record.queued) continue;
    const of = result.get(record.next) ?? { waits: 0, wait: 0, by: new Map<bigint, number>() };
    result.set(record.next, of);
    of.waits++;
    of.wait += Number(record.clock - record.queued);
    for (let i = mine.length - 1; i >= 0; i--) {
      const slice = mine[i];
      if (!slice || slice.end <= record.queued) break;
      let from = record.queued;
      if (slice.start > from) from = slice.start;
      of.by.set(slice.who, (of.by.get(slice.who) ?? 0) + Number(slice.end - from));
    }
  }
  return result;
}
