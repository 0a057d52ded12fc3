import { deepest, MalformedError } from './malformed-error.ts';
import type { Field, MessageType, Scalar } from './messages.ts';
import type { Message } from './proto.ts';

/** OTLP's JSON: names in lowerCamelCase, ids in hexadecimal, enumerations as integers; unknown names are skipped. Throws a `MalformedError`. */
export function decodeJson(type: MessageType, text: string): Message {
  let value: unknown;
  try {
    value = hasLongNumber.test(text) ? JSON.parse(text, exactly as Reviver) : JSON.parse(text);
  } catch (cause) {
    throw new MalformedError(`not JSON: ${(cause as Error).message}`, { cause });
  }
  return readMessage(type, value, { path: '', depth: 0 });
}

/** A number outside of a text that a double may not hold; a false alarm costs time alone. */
const hasLongNumber = /[:[,]\s*-?\d{16}/;

/** TypeScript's has no third parameter yet. */
type Reviver = (key: string, value: unknown) => unknown;

/** Long integers as their digits. */
const exactly = (_key: string, value: unknown, { source }: { readonly source?: string }) =>
  typeof value === 'number' && source !== undefined && /^-?\d{16,}$/.test(source) ? source : value;

interface Place {
  readonly path: string;
  readonly depth: number;
}

function readMessage(type: MessageType, value: unknown, { path, depth }: Place): Message {
  if (depth > deepest) throw new MalformedError(`nested more than ${deepest} deep`);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new MalformedError(`${path || 'the request'} is no object`);
  const message: Message = {};
  for (const [name, content] of Object.entries(value)) {
    if (content === null || !Object.hasOwn(type.fields, name)) continue;
    const field = type.fields[name] as Field; // it is its own
    const at = { path: path === '' ? name : `${path}.${name}`, depth: depth + 1 };
    const read = (each: unknown) =>
      typeof field.type === 'function'
        ? readMessage(field.type(), each, at)
        : readScalar(field.type, each, at.path);
    if (field.isRepeated) {
      if (!Array.isArray(content)) throw new MalformedError(`${at.path} is no list`);
      message[name] = content.map(read);
    } else if (content !== '' || field.type !== 'id') {
      message[name] = checkLength(read(content), field, at.path);
    }
  }
  return message;
}

function checkLength(value: unknown, { length }: Field, path: string): unknown {
  if (length !== undefined && (value as Uint8Array).length !== length)
    throw new MalformedError(`${path} has not ${length} bytes`);
  return value;
}

function readScalar(type: Scalar, value: unknown, path: string): unknown {
  const read = readers[type](value);
  if (read === undefined) throw new MalformedError(`${path} is no ${type}`);
  return read;
}

type Reader = (value: unknown) => unknown;

const text: Reader = (value) => (typeof value === 'string' ? value : undefined);

const integer =
  (min: number, max: number): Reader =>
  (value) => {
    const number = typeof value === 'string' && /^-?\d{1,10}$/.test(value) ? Number(value) : value;
    return Number.isInteger(number) && (number as number) >= min && (number as number) <= max
      ? number
      : undefined;
  };

const integer64 =
  (min: bigint, max: bigint): Reader =>
  (value) => {
    const isText = typeof value === 'string' && /^-?\d{1,20}$/.test(value);
    if (!isText && !Number.isSafeInteger(value)) return undefined;
    const number = BigInt(value as string | number);
    return number >= min && number <= max ? number : undefined;
  };

const specialDoubles: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

function double(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return undefined;
  if (Object.hasOwn(specialDoubles, value)) return specialDoubles[value];
  const number = value.trim() === '' ? Number.NaN : Number(value);
  return Number.isNaN(number) ? undefined : number;
}

const unsigned32 = integer(0, 2 ** 32 - 1);
const signed32 = integer(-(2 ** 31), 2 ** 31 - 1);
const unsigned64 = integer64(0n, 2n ** 64n - 1n);
const signed64 = integer64(-(2n ** 63n), 2n ** 63n - 1n);

const readers: Readonly<Record<Scalar, Reader>> = {
  string: text,
  bytes: (value) =>
    typeof value === 'string' && /^[A-Za-z0-9+/_-]*={0,2}$/.test(value)
      ? new Uint8Array(Buffer.from(value, 'base64'))
      : undefined,
  id: (value) =>
    typeof value === 'string' && /^([0-9a-f]{2})*$/i.test(value)
      ? new Uint8Array(Buffer.from(value, 'hex'))
      : undefined,
  bool: (value) => (typeof value === 'boolean' ? value : undefined),
  double,
  uint32: unsigned32,
  enum: signed32,
  sint32: signed32,
  fixed32: unsigned32,
  uint64: unsigned64,
  int64: signed64,
  fixed64: unsigned64,
  sfixed64: signed64,
};

export const encodeJson = (type: MessageType, message: Message): Uint8Array =>
  Buffer.from(JSON.stringify(plain(type, message)));

/** What `JSON.stringify` writes as OTLP. */
function plain({ fields }: MessageType, message: Message): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(message)) {
    const field = fields[name];
    if (!field || value === undefined) continue;
    const { type, isRepeated } = field;
    const write = (each: unknown) =>
      typeof type === 'function' ? plain(type(), each as Message) : writeScalar(type, each);
    result[name] = isRepeated ? (value as readonly unknown[]).map(write) : write(value);
  }
  return result;
}

function writeScalar(type: Scalar, value: unknown): unknown {
  switch (type) {
    case 'bytes':
      return Buffer.from(value as Uint8Array).toString('base64');
    case 'id':
      return Buffer.from(value as Uint8Array).toString('hex');
    case 'string':
      return (value as string).toWellFormed();
    case 'double':
      // JSON has no -0 and none of these
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : Object.is(value, -0)
          ? '-0'
          : String(value);
    default:
      return typeof value === 'bigint' ? String(value) : value;
  }
}
