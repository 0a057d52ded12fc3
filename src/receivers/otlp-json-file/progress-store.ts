import type { Store } from '../../store.ts';
import type { Progress } from './tracked-file.ts';

const key = 'progress';

/** Undefined: nothing is kept, or another version kept it. */
export async function readProgress(store: Store): Promise<readonly Progress[] | undefined> {
  const value = await store.get(key);
  if (value === undefined) return undefined;
  try {
    const all: unknown = JSON.parse(Buffer.from(value).toString());
    return Array.isArray(all) && all.every(isProgress) ? all : undefined;
  } catch {
    return undefined; // another version's
  }
}

const isProgress = (value: unknown): value is Progress => {
  const { device, inode, offset, begin } = (value ?? {}) as Partial<Record<keyof Progress, unknown>>;
  return [device, inode, begin].every((text) => typeof text === 'string') && Number.isSafeInteger(offset);
};

export const writeProgress = (store: Store, all: readonly Progress[]): Promise<void> =>
  store.apply([{ key, value: Buffer.from(JSON.stringify(all)) }]);
