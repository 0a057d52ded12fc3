/** The cgroup that counts in the histogram of a slot. */
interface Owner {
  readonly serial: bigint;
  /** Its cgroup was removed, and everything up to then is its own. */
  readonly isGone: boolean;
}

/** Which cgroup has each slot. Serial numbers rise, so the higher of two cgroups came later. */
export class SlotOwners {
  readonly #owners = new Map<number, Owner>();
  /** Slots that two cgroups had since their histogram was read: its counts belong to neither. */
  readonly #contested = new Set<number>();

  has(slot: number): boolean {
    return this.#owners.has(slot);
  }

  /** Undefined: the slot is contested, or has never had an owner. */
  find(slot: number): bigint | undefined {
    return this.#contested.has(slot) ? undefined : this.#owners.get(slot)?.serial;
  }

  /** A cgroup has a cell of this slot, in which a wait of it has ended or not. */
  claimSlot(slot: number, serial: bigint, hasWaited = false): void {
    const owner = this.#owners.get(slot);
    if (!owner || serial > owner.serial) {
      if (owner && !owner.isGone) this.#contested.add(slot);
      this.#owners.set(slot, { serial, isGone: false });
    } else if (hasWaited) {
      if (serial < owner.serial) this.#contested.add(slot);
      else if (owner.isGone) this.#owners.set(slot, { serial, isGone: false }); // its last threads were still ending
    }
  }

  /**
   * A cell of an earlier cgroup than the owner is seen for the first time. It may just be emptied for the next one: what it
   * waited is in a record that is still to come.
   */
  contestIfFormer(slot: number, serial: bigint): void {
    if (serial < (this.#owners.get(slot)?.serial ?? 0n)) this.#contested.add(slot);
  }

  markGone(slot: number, serial: bigint): void {
    if (this.#owners.get(slot)?.serial === serial) this.#owners.set(slot, { serial, isGone: true });
  }

  /** The histogram has been read. */
  endContest(slot: number): void {
    this.#contested.delete(slot);
  }
}
