import { KubeError } from './kube-error.ts';

const [quote, backslash, newline] = [0x22, 0x5c, 0x0a];
const [openBrace, closeBrace, openBracket, closeBracket, comma] = [0x7b, 0x7d, 0x5b, 0x5d, 0x2c];

/** An object larger than this is no pod: etcd takes 1.5 MiB. */
export const maxObjectBytes = 4 * 1024 * 1024;
/** Kind, version and metadata of a list are below one KiB. */
const maxRestBytes = 64 * 1024;

/**
 * Splits the answer to a list as it arrives, so that one object at a time is in memory instead of thousands: each element
 * of `items`, then, at the end, the rest.
 */
export class ItemSplitter {
  readonly #kind: string;
  readonly #onItem: (item: unknown) => void;
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  #isInItems = false;
  #rest = '';
  /** The received part of an incomplete element. */
  #element: Buffer[] = [];
  #elementBytes = 0;

  constructor(kind: string, onItem: (item: unknown) => void) {
    this.#kind = kind;
    this.#onItem = onItem;
  }

  write(chunk: Buffer): void {
    // Start of the part not yet kept as element or rest.
    let start = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i];
      if (this.#isInString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === backslash) this.#isEscaped = true;
        else if (byte === quote) this.#isInString = false;
      } else if (byte === quote) {
        if (this.#isInItems && this.#depth === 2) throw notAList(this.#kind, 'an item is no object');
        this.#isInString = true;
      } else if (byte === openBrace || byte === openBracket) {
        if (this.#isInItems && this.#depth === 2) start = i;
        this.#depth++;
        if (byte === openBracket && this.#depth === 2 && !this.#isInItems) {
          this.#keepRest(chunk.subarray(start, i + 1));
          start = i + 1;
          this.#isInItems = this.#isItemsNext();
        }
      } else if (byte === closeBrace || byte === closeBracket) {
        this.#depth--;
        if (this.#isInItems && this.#depth === 2) {
          this.#keepElement(chunk.subarray(start, i + 1));
          this.#finishElement();
          start = i + 1;
        } else if (this.#isInItems && this.#depth === 1) {
          this.#isInItems = false;
          start = i;
        }
      } else if (this.#isInItems && this.#depth === 2 && byte !== comma && byte !== undefined && byte > 0x20)
        throw notAList(this.#kind, 'an item is no object');
    }
    if (this.#isInItems && this.#depth > 2) this.#keepElement(chunk.subarray(start));
    else if (!this.#isInItems) this.#keepRest(chunk.subarray(start));
  }

  /** The list without its items. */
  end(): unknown {
    if (this.#rest === '') throw notAList(this.#kind, 'it is empty');
    if (this.#depth !== 0 || this.#isInString) throw notAList(this.#kind, 'it ends half-way');
    const list = parse(this.#rest, this.#kind);
    if (typeof list !== 'object' || list === null || !('kind' in list) || list.kind !== this.#kind)
      throw notAList(this.#kind, 'it is of another kind');
    return list;
  }

  #isItemsNext(): boolean {
    if (!/(?<!\\)"items"\s*:\s*\[$/.test(this.#rest)) return false;
    // Go writes the kind first: no item of another kind is taken for a pod.
    const kind = /^\s*\{\s*"kind"\s*:\s*"(\w*)"/.exec(this.#rest)?.[1];
    if (kind !== undefined && kind !== this.#kind) throw notAList(this.#kind, `it is a ${kind}`);
    return true;
  }

  #keepRest(part: Buffer): void {
    if (this.#rest.length + part.length > maxRestBytes)
      throw tooLarge('the list without its items', maxRestBytes);
    // Latin 1 keeps bytes apart that a chunk's end divides; the rest has no other text than ASCII that matters.
    this.#rest += part.toString('latin1');
  }

  #keepElement(part: Buffer): void {
    this.#elementBytes += part.length;
    if (this.#elementBytes > maxObjectBytes) throw tooLarge('one object', maxObjectBytes);
    this.#element.push(part);
  }

  #finishElement(): void {
    const item = parse(Buffer.concat(this.#element).toString(), this.#kind);
    this.#element = [];
    this.#elementBytes = 0;
    this.#onItem(item);
  }
}

/** Parses lines of JSON as they arrive; text after the last newline is incomplete and never passed on. */
export class LineSplitter {
  readonly #onLine: (line: unknown) => void;
  #line: Buffer[] = [];
  #lineBytes = 0;

  constructor(onLine: (line: unknown) => void) {
    this.#onLine = onLine;
  }

  write(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      this.#keep(chunk.subarray(start, end));
      start = end + 1;
      const text = Buffer.concat(this.#line).toString();
      this.#line = [];
      this.#lineBytes = 0;
      if (text.trim() !== '') this.#onLine(parse(text, 'line of a watch'));
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  #keep(part: Buffer): void {
    this.#lineBytes += part.length;
    if (this.#lineBytes > maxObjectBytes) throw tooLarge('one line', maxObjectBytes);
    this.#line.push(part);
  }
}

function parse(text: string, kind: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new KubeError('invalid_response', `the answer is no ${kind}: it is no JSON`, { cause });
  }
}

const notAList = (kind: string, why: string) =>
  new KubeError('invalid_response', `the answer is no ${kind}: ${why}`);

const tooLarge = (subject: string, limit: number) =>
  new KubeError('too_large', `${subject} is larger than ${limit} bytes`);
