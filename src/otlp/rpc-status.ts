import { type Nanoseconds, nanoseconds } from '../telemetry/units.ts';

/**
 * How long a server asks to wait: the `google.rpc.RetryInfo` among the details of a `google.rpc.Status`
 * (the trailer `grpc-status-details-bin`), or undefined: there is none, or it cannot be read.
 */
export function retryDelay(status: Uint8Array): Nanoseconds | undefined {
  try {
    for (const { number, bytes } of fields(status)) {
      if (number !== 3) continue;
      const [type, value] = [fieldBytes(bytes, 1), fieldBytes(bytes, 2)];
      if (Buffer.from(type).toString().endsWith('/google.rpc.RetryInfo'))
        return duration(fieldBytes(value, 1));
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}

/** The message of a `google.rpc.Status`; undefined: none, or the bytes are no status. */
export function statusMessage(status: Uint8Array): string | undefined {
  try {
    return Buffer.from(fieldBytes(status, 2)).toString() || undefined;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}

interface Field {
  readonly number: number;
  readonly integer: number;
  readonly bytes: Uint8Array;
}

function duration(bytes: Uint8Array): Nanoseconds {
  let delay = 0;
  for (const { number, integer } of fields(bytes)) {
    if (number === 1) delay += integer * 1e9;
    if (number === 2) delay += integer;
  }
  return nanoseconds(delay);
}

/** Of an absent field: no bytes, as protobuf has it. */
function fieldBytes(message: Uint8Array, number: number): Uint8Array {
  for (const field of fields(message)) if (field.number === number) return field.bytes;
  return new Uint8Array();
}

/** The fields of a protobuf message. Throws a `RangeError` where the bytes are none. */
function* fields(message: Uint8Array): Generator<Field> {
  let at = 0;

  const varint = () => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = message[at++];
      if (byte === undefined) throw new RangeError('truncated');
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError('varint too long');
  };
  const take = (length: number) => {
    if (at + length > message.length) throw new RangeError('truncated');
    at += length;
    return message.subarray(at - length, at);
  };

  while (at < message.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const none = { number, integer: 0, bytes: new Uint8Array() };
    switch (tag % 8) {
      case 0:
        yield { ...none, integer: varint() };
        break;
      case 1:
        take(8);
        break;
      case 2:
        yield { ...none, bytes: take(varint()) };
        break;
      case 5:
        take(4);
        break;
      default:
        throw new RangeError('no such wire type');
    }
  }
}
