import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { valueIn } from './value.ts';

/** Attributes under change, which are copied before the first one. */
export class Draft {
  #attributes: Attributes;
  #isCopy = false;

  constructor(attributes: Attributes) {
    this.#attributes = attributes;
  }

  /** The same object if nothing has changed. */
  get attributes(): Attributes {
    return this.#attributes;
  }

  get(key: string): AttributeValue | undefined {
    return valueIn(this.#attributes, key);
  }

  set(key: string, value: AttributeValue): void {
    if (this.get(key) === value) return;
    if (!this.#isCopy) this.#become({ ...this.#attributes });
    if (key !== '__proto__') this.#attributes[key] = value;
    else this.#become({ ...this.#attributes, [key]: value }); // assigned, it would be no key of the object
  }

  /** Makes another copy: V8 turns an object from which a key is deleted into a hash table, which is slow to read. */
  delete(key: string): void {
    if (!Object.hasOwn(this.#attributes, key)) return;
    const { [key]: _, ...rest } = this.#attributes;
    this.#become(rest);
  }

  #become(copy: Attributes): void {
    this.#attributes = copy;
    this.#isCopy = true;
  }
}
