/** What the scheduler did, one entry a happening, in the order in which it happened on each CPU and to each task. */
export interface Trace {
  readonly length: number;
  readonly kind: Uint8Array;
  readonly flags: Uint8Array;
  readonly cpu: Uint16Array;
  /** The task that gets the CPU, is moved or woken; 0: none, the CPU is idle. */
  readonly pid: Uint32Array;
  readonly prevPid: Uint32Array;
  /** Index in `parties`. */
  readonly serial: Uint32Array;
  readonly prevSerial: Uint32Array;
  /** ns, from a common origin. */
  readonly clock: Float64Array;
  /** When the task was queued, by the kernel's stamp; NaN: it has none. */
  readonly queued: Float64Array;
  /** When the task that leaves the CPU got it, by the kernel's stamp; NaN: it has none. */
  readonly prevArrived: Float64Array;
  /** Running totals, ns: of the CPU, of the task, of the task's group on the CPU. */
  readonly stolen: Float64Array;
  readonly runDelay: Float64Array;
  readonly throttled: Float64Array;
  readonly prevThrottled: Float64Array;
  /** Cgroup ids; `idle` and `kernelTasks` are always the first two. */
  readonly parties: readonly bigint[];
}

/** `unseen`: no hook was called; what is known of the switch was put together from its neighbors. */
export const kinds = { switch: 1, move: 2, wakeup: 3, newWakeup: 4 } as const;
export const flags = { prevRunnable: 1, prevThrottled: 2, delayed: 4, unseen: 8 } as const;
export const kernelTasks = 1n << 63n;
export const idle = 0n;
/** Their indices in `parties`. */
export const idleIndex = 0;
export const kernelIndex = 1;

/** Numbers parties in the order of their appearance, from the two halves of an id: there are millions of records. */
export class Parties {
  readonly ids: bigint[] = [];
  readonly #byHigh = new Map<number, Map<number, number>>();

  constructor() {
    for (const id of [idle, kernelTasks]) this.index(Number(id >> 32n), Number(id & 0xffff_ffffn));
  }

  index(high: number, low: number): number {
    let byLow = this.#byHigh.get(high);
    if (!byLow) {
      byLow = new Map();
      this.#byHigh.set(high, byLow);
    }
    let index = byLow.get(low);
    if (index === undefined) {
      index = this.ids.push((BigInt(high) << 32n) | BigInt(low)) - 1;
      byLow.set(low, index);
    }
    return index;
  }
}

export function allocateTrace(length: number, parties: readonly bigint[]): Trace {
  return {
    length,
    parties,
    kind: new Uint8Array(length),
    flags: new Uint8Array(length),
    cpu: new Uint16Array(length),
    pid: new Uint32Array(length),
    prevPid: new Uint32Array(length),
    serial: new Uint32Array(length),
    prevSerial: new Uint32Array(length),
    clock: new Float64Array(length),
    queued: new Float64Array(length),
    prevArrived: new Float64Array(length),
    stolen: new Float64Array(length),
    runDelay: new Float64Array(length),
    throttled: new Float64Array(length),
    prevThrottled: new Float64Array(length),
  };
}
