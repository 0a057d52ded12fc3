import { closeSync, openSync, readSync } from 'node:fs';

/** `/proc/stat` counts in hundredths of a second for any CONFIG_HZ (USER_HZ, user space ABI): ns. */
export const cpuTick = 10_000_000;
/** A CPU's line: its name and ten u64. */
const lineBytes = 256;
const softirqField = 6;
const irqField = 5;
const stealField = 7;
const digit0 = 48;
const newline = 10;
const prefix = Buffer.from('cpu');

/**
 * Times of each CPU in `/proc/stat` since boot, in ticks. A CPU that is offline has no line there: NaN. Only the lines
 * of CPUs are read, which come first: the one of interrupts can be a hundred times as long as they are.
 */
export class CpuTimes {
  /** Hard and soft interrupts. On a kernel without CONFIG_IRQ_TIME_ACCOUNTING that includes ksoftirqd's. */
  readonly irq: Float64Array;
  readonly steal: Float64Array;
  readonly #path: string;
  readonly #text: Uint8Array;

  constructor(cpus: number, path = '/proc/stat') {
    this.irq = new Float64Array(cpus).fill(Number.NaN);
    this.steal = new Float64Array(cpus).fill(Number.NaN);
    this.#path = path;
    this.#text = new Uint8Array((cpus + 1) * lineBytes);
  }

  /** Throws where it cannot be read or has no line of a CPU; then nothing has changed. */
  read(): void {
    const text = this.#text.subarray(0, this.#fill());
    const end = text.lastIndexOf(newline) + 1; // what follows is only a part of a line
    if (!isCpuLine(text, 0) || end === 0) throw new Error(`cannot read ${this.#path}: no CPU in it`);
    this.irq.fill(Number.NaN);
    this.steal.fill(Number.NaN);
    for (let at = 0; at < end && isCpuLine(text, at); at = text.indexOf(newline, at) + 1)
      this.#line(text, at);
  }

  #fill(): number {
    const file = openSync(this.#path, 'r');
    try {
      let used = 0;
      for (;;) {
        const bytes = readSync(file, this.#text, used, this.#text.length - used, null);
        used += bytes;
        if (bytes === 0 || used === this.#text.length) return used;
      }
    } finally {
      closeSync(file);
    }
  }

  #line(text: Uint8Array, at: number): void {
    let next = at + prefix.length;
    if (!isDigit(text[next])) return; // the sum of all
    const number = () => {
      let value = 0;
      for (; isDigit(text[next]); next++) value = value * 10 + (text[next] ?? 0) - digit0;
      return value;
    };
    const cpu = number();
    if (cpu >= this.irq.length) return;
    let irq = 0;
    let steal = 0;
    for (let field = 0; field <= stealField; field++) {
      next++;
      const value = number();
      if (field === irqField || field === softirqField) irq += value;
      else if (field === stealField) steal = value;
    }
    this.irq[cpu] = irq;
    this.steal[cpu] = steal;
  }
}

function isCpuLine(text: Uint8Array, at: number): boolean {
  return prefix.every((byte, i) => text[at + i] === byte);
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= digit0 && byte <= digit0 + 9;
}
