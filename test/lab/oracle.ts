import { native, program } from '../kernel/scheduler-fixture.ts';
import { withUnseen } from '../kernel/unseen.ts';
import { type Replay, replay } from './replay.ts';
import { allocateTrace, Parties, type Trace } from './trace.ts';

const chunkBytes = 4 * 2 ** 20;

const collectEveryMs = 50;

export interface Oracle {
  /** Happenings the ring had no room for. A trace with gaps proves nothing: make the ring larger or the load smaller. */
  lost(): number;
  trace(): Trace;
  replay(): Replay;
  close(): void;
}

/** Records all that the scheduler does, until it is closed; a process that blocks for long needs a larger ring. */
export function openOracle({ ringBytes = 64 * 2 ** 20 } = {}): Oracle {
  const object = native.open(program('test/oracle.bpf.o'), { maxEntries: { happenings: ringBytes } });
  native.load(object);
  native.attach(object);
  const { size, members } = native.structLayout(object, 'happening');
  const chunks: Uint8Array[] = [];
  let room = new Uint8Array(0);
  const collect = () => {
    for (;;) {
      if (room.length < chunkBytes / 4) room = new Uint8Array(chunkBytes);
      const used = native.drain(object, 'happenings', room, size);
      const isAll = used + size <= room.length;
      if (used) chunks.push(room.subarray(0, used));
      room = room.subarray(used);
      if (isAll) return;
    }
  };
  const timer = setInterval(collect, collectEveryMs).unref();
  const lost = () => {
    const count = new BigUint64Array(1);
    native.readArray(object, 'lost', new Uint8Array(count.buffer));
    return Number(count[0]);
  };
  const trace = () => {
    collect();
    if (lost())
      throw new Error(`the oracle lost ${lost()} happenings: make its ring larger or the load smaller`);
    const decoded = decode(chunks, size, (name) => {
      const member = members[name];
      if (!member) throw new Error(`cannot decode the trace: no member "${name}"`);
      return member.offset;
    });
    return withUnseen(decoded);
  };
  const close = () => {
    clearInterval(timer);
    native.close(object);
  };
  return { lost, trace, replay: () => replay(trace()), close };
}

function decode(chunks: readonly Uint8Array[], size: number, at: (name: string) => number): Trace {
  const stride = Math.ceil(size / 8) * 8;
  const parties = new Parties();
  const trace = allocateTrace(chunks.reduce((bytes, chunk) => bytes + chunk.length, 0) / stride, parties.ids);
  const offsets = {
    kind: at('kind'),
    flags: at('flags'),
    cpu: at('cpu'),
    pid: at('pid'),
    prevPid: at('prev_pid'),
    serial: at('serial'),
    prevSerial: at('prev_serial'),
    clock: at('clock'),
    queued: at('queued'),
    prevArrived: at('prev_arrived'),
    stolen: at('stolen'),
    runDelay: at('run_delay'),
    throttled: at('throttled'),
    prevThrottled: at('prev_throttled'),
  };
  let i = 0;
  let origin: number | undefined;
  for (const chunk of chunks) {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    const low = (offset: number) => view.getUint32(offset, true);
    const high = (offset: number) => view.getUint32(offset + 4, true);
    for (let base = 0; base < chunk.length; base += stride, i++) {
      const since = (offset: number, from: number) => (high(offset) - from) * 2 ** 32 + low(offset);
      const total = (offset: number) => since(base + offset, 0);
      origin ??= high(base + offsets.clock);
      trace.kind[i] = view.getUint16(base + offsets.kind, true);
      trace.flags[i] = view.getUint16(base + offsets.flags, true);
      trace.cpu[i] = low(base + offsets.cpu);
      trace.pid[i] = low(base + offsets.pid);
      trace.prevPid[i] = low(base + offsets.prevPid);
      trace.serial[i] = parties.index(high(base + offsets.serial), low(base + offsets.serial));
      trace.prevSerial[i] = parties.index(high(base + offsets.prevSerial), low(base + offsets.prevSerial));
      trace.clock[i] = since(base + offsets.clock, origin);
      const from = origin;
      const stamp = (offset: number) => (total(offset) ? since(base + offset, from) : Number.NaN);
      trace.queued[i] = stamp(offsets.queued);
      trace.prevArrived[i] = stamp(offsets.prevArrived);
      trace.stolen[i] = total(offsets.stolen);
      trace.runDelay[i] = total(offsets.runDelay);
      trace.throttled[i] = total(offsets.throttled);
      trace.prevThrottled[i] = total(offsets.prevThrottled);
    }
  }
  return trace;
}
