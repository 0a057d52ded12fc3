/** How long each group was throttled on each CPU, as far as it was looked at. Times in ns. */
export class Throttling {
  readonly #samples = new Map<number, { readonly clock: number[]; readonly throttled: number[] }[]>();

  /** Returns the sample's number. */
  saw(cpu: number, group: number, clock: number, throttled: number): number {
    const samples = this.#of(cpu, group);
    samples.clock.push(clock);
    return samples.throttled.push(throttled) - 1;
  }

  /**
   * How long a task stayed throttled that was so at the sample `mark`: until throttled time of its group first grew by less
   * than time passed. It may have grown again before the task ran, because of another task: then this one was in the queue,
   * and waited for the CPU.
   */
  untilReleased(cpu: number, group: number, mark: number): number {
    const { clock, throttled } = this.#of(cpu, group);
    let grown = 0;
    for (let k = mark + 1; k < clock.length; k++) {
      grown = (throttled[k] ?? 0) - (throttled[mark] ?? 0);
      if ((clock[k] ?? 0) - (clock[mark] ?? 0) > grown) break;
    }
    return grown;
  }

  #of(cpu: number, group: number) {
    let ofCpu = this.#samples.get(cpu);
    if (!ofCpu) {
      ofCpu = [];
      this.#samples.set(cpu, ofCpu);
    }
    ofCpu[group] ??= { clock: [], throttled: [] };
    return ofCpu[group];
  }
}
