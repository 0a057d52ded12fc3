import type { IterTarget, Native, NativeObject } from './native.ts';

/** A run of an iterator program. */
interface Run {
  readonly program: string;
  readonly into: Uint8Array;
  readonly of?: IterTarget | undefined;
  /** Whether the object still is: with it the run has ended. */
  readonly isOpen?: () => boolean;
}

type Reader = Pick<Native, 'openIterator' | 'readIterator' | 'closeIterator'>;

/** Yields the bytes that each read has put into `into`; the run ends with the generator. */
export function* iterateInSteps(
  native: Reader,
  object: NativeObject,
  { program, into, of, isOpen = () => true }: Run,
): Generator<number, void> {
  const iterator = native.openIterator(object, program, of);
  try {
    for (;;) {
      const used = native.readIterator(object, iterator, into);
      if (used === 0) return;
      yield used;
    }
  } finally {
    if (isOpen()) native.closeIterator(object, iterator);
  }
}

/** Everything that a run writes, at once; returns the bytes used. Throws with code `ENOBUFS` for more than fit. */
export function iterate(native: Reader, object: NativeObject, { program, into, of }: Run): number {
  const iterator = native.openIterator(object, program, of);
  try {
    for (let used = 0; ; ) {
      const isFull = used === into.length;
      const read = native.readIterator(object, iterator, isFull ? new Uint8Array(1) : into.subarray(used));
      if (read === 0) return used;
      if (isFull) throw tooSmall(program);
      used += read;
    }
  } finally {
    native.closeIterator(object, iterator);
  }
}

function tooSmall(program: string): Error {
  return Object.assign(new Error(`cannot iterate ${program}: the destination is too small`), {
    code: 'ENOBUFS',
  });
}
