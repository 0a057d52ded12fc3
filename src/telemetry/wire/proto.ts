import protobuf from 'protobufjs/minimal.js';
import { deepest, MalformedError } from './malformed-error.ts';
import type { Field, MessageType, Scalar } from './messages.ts';

/** Fields by name: 64-bit integers as `bigint`, other numbers as `number`, bytes as `Uint8Array`; absent ones are not there. */
export type Message = Record<string, unknown>;

/** Fields that the type does not have are skipped. Throws a `MalformedError`. */
export function decodeProto(type: MessageType, bytes: Uint8Array): Message {
  try {
    return readMessage(protobuf.Reader.create(bytes), { type, end: bytes.length, depth: 0 });
  } catch (cause) {
    if (cause instanceof MalformedError) throw cause;
    throw new MalformedError('not OTLP in protobuf', { cause }); // all that the reader throws with
  }
}

interface Extent {
  readonly type: MessageType;
  readonly end: number;
  readonly depth: number;
}

function readMessage(reader: protobuf.Reader, { type, end, depth }: Extent): Message {
  if (depth > deepest) throw new MalformedError(`nested more than ${deepest} deep`);
  const message: Message = {};
  while (reader.pos < end) {
    const tag = reader.uint32();
    const name = type.names[tag >>> 3];
    const field = name === undefined ? undefined : type.fields[name];
    if (name === undefined || field === undefined) reader.skipType(tag & 7);
    else readField(reader, { message, name, field, wireType: tag & 7, depth });
  }
  if (reader.pos > end) throw new MalformedError('a message is longer than what holds it');
  return message;
}

interface Reading {
  readonly message: Message;
  readonly name: string;
  readonly field: Field;
  readonly wireType: number;
  readonly depth: number;
}

function readField(reader: protobuf.Reader, { message, name, field, wireType, depth }: Reading): void {
  const { type, isRepeated, length } = field;
  const single = typeof type === 'function' ? 2 : wireTypes[type];
  const isPacked = isRepeated && wireType === 2 && single !== 2;
  if (wireType !== single && !isPacked) {
    reader.skipType(wireType); // as a field that is not known
    return;
  }
  const read = () => {
    if (typeof type !== 'function') return readers[type](reader);
    const size = reader.uint32();
    return readMessage(reader, { type: type(), end: reader.pos + size, depth: depth + 1 });
  };
  if (!isRepeated) {
    const value = read();
    if (length === undefined) message[name] = value;
    else if ((value as Uint8Array).length === length) message[name] = value;
    else if ((value as Uint8Array).length > 0) throw new MalformedError(`${name} has not ${length} bytes`);
    return;
  }
  message[name] ??= [];
  const list = message[name] as unknown[];
  if (!isPacked) {
    list.push(read());
    return;
  }
  const end = reader.uint32() + reader.pos;
  while (reader.pos < end) list.push(read());
}

const wireTypes: Readonly<Record<Scalar, number>> = {
  ...{ string: 2, bytes: 2, id: 2 },
  ...{ bool: 0, uint32: 0, enum: 0, sint32: 0, uint64: 0, int64: 0 },
  ...{ double: 1, fixed64: 1, sfixed64: 1 },
  fixed32: 5,
};

const bytesIn = (reader: protobuf.Reader) => reader.bytes().slice(); // of their own: a request is not kept for one id

function fixed64(reader: protobuf.Reader): bigint {
  const low = BigInt(reader.fixed32());
  return (BigInt(reader.fixed32()) << 32n) | low;
}

// `long` is there: protobufjs depends on it
const bits = (value: number | protobuf.Long) => {
  const { low, high } = value as protobuf.Long;
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
};

const readers: Readonly<Record<Scalar, (reader: protobuf.Reader) => unknown>> = {
  string: (reader) => reader.string(),
  bytes: bytesIn,
  id: bytesIn,
  bool: (reader) => reader.bool(),
  double: (reader) => reader.double(),
  uint32: (reader) => reader.uint32(),
  enum: (reader) => reader.int32(),
  sint32: (reader) => reader.sint32(),
  fixed32: (reader) => reader.fixed32(),
  uint64: (reader) => bits(reader.uint64()),
  int64: (reader) => BigInt.asIntN(64, bits(reader.int64())),
  fixed64,
  sfixed64: (reader) => BigInt.asIntN(64, fixed64(reader)),
};

export function encodeProto(type: MessageType, message: Message): Uint8Array {
  return writeMessage(protobuf.Writer.create(), type, message).finish();
}

function writeMessage(writer: protobuf.Writer, { fields }: MessageType, message: Message): protobuf.Writer {
  for (const [name, value] of Object.entries(message)) {
    const field = fields[name];
    if (field && value !== undefined) writeField(writer, field, value);
  }
  return writer;
}

function writeField(writer: protobuf.Writer, { number, type, isRepeated }: Field, value: unknown): void {
  const list = isRepeated ? (value as readonly unknown[]) : [value];
  if (typeof type === 'function') {
    for (const each of list)
      writeMessage(writer.uint32((number << 3) | 2).fork(), type(), each as Message).ldelim();
    return;
  }
  const wireType = wireTypes[type];
  const write = writers[type];
  if (!isRepeated || wireType === 2) {
    for (const each of list) write(writer.uint32((number << 3) | wireType), each);
    return;
  }
  if (list.length === 0) return;
  writer.uint32((number << 3) | 2).fork();
  for (const each of list) write(writer, each);
  writer.ldelim();
}

const low32 = (value: unknown) => Number(BigInt.asUintN(32, value as bigint));
const high32 = (value: unknown) => Number(BigInt.asUintN(32, (value as bigint) >> 32n));
const write64 = (writer: protobuf.Writer, value: unknown) => {
  writer.fixed32(low32(value)).fixed32(high32(value));
};
const writeVarint64 = (writer: protobuf.Writer, value: unknown) => {
  writer.uint64({ low: low32(value), high: high32(value), unsigned: true } as protobuf.Long); // all that it reads
};
const writeBytes = (writer: protobuf.Writer, value: unknown) => {
  writer.bytes(value as Uint8Array);
};
const writeNumber =
  (method: 'double' | 'uint32' | 'int32' | 'sint32' | 'fixed32') =>
  (writer: protobuf.Writer, value: unknown) => {
    writer[method](value as number);
  };

const writers: Readonly<Record<Scalar, (writer: protobuf.Writer, value: unknown) => void>> = {
  string(writer, value) {
    writer.string((value as string).toWellFormed());
  },
  bytes: writeBytes,
  id: writeBytes,
  bool(writer, value) {
    writer.bool(value as boolean);
  },
  double: writeNumber('double'),
  uint32: writeNumber('uint32'),
  enum: writeNumber('int32'),
  sint32: writeNumber('sint32'),
  fixed32: writeNumber('fixed32'),
  uint64: writeVarint64,
  int64: writeVarint64,
  fixed64: write64,
  sfixed64: write64,
};
