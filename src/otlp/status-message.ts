import type { OtlpEncoding } from '../telemetry/otlp-codec.ts';
import type { Nanoseconds } from '../telemetry/units.ts';
import { many, message, one } from '../telemetry/wire/messages.ts';
import { encodeProto } from '../telemetry/wire/proto.ts';

export interface RpcStatus {
  /** Of gRPC. */
  readonly code: number;
  readonly message: string;
  /** When the client may try again: a `google.rpc.RetryInfo` among the details. */
  readonly after?: Nanoseconds;
}

const any = message({ typeUrl: one(1, 'string'), value: one(2, 'bytes') });
const statusType = message({ code: one(1, 'enum'), message: one(2, 'string'), details: many(3, () => any) });
const duration = message({ seconds: one(1, 'int64'), nanos: one(2, 'enum') });
const retryInfo = message({ retryDelay: one(1, () => duration) });

/** A `google.rpc.Status`: the body of a refusal over HTTP, the trailer `grpc-status-details-bin` over gRPC. */
export function encodeStatus({ code, message: text, after }: RpcStatus, encoding: OtlpEncoding): Uint8Array {
  if (encoding === 'json') return Buffer.from(JSON.stringify({ code, message: text }));
  const details =
    after === undefined
      ? []
      : [
          {
            typeUrl: 'type.googleapis.com/google.rpc.RetryInfo',
            value: encodeProto(retryInfo, delay(after)),
          },
        ];
  return encodeProto(statusType, { code, message: text, details });
}

const delay = (after: Nanoseconds) => ({
  retryDelay: { seconds: BigInt(Math.floor(after / 1e9)), nanos: after % 1e9 },
});
