import type { ISerializer } from '@opentelemetry/otlp-transformer';
import { decodeJson, encodeJson } from './wire/json.ts';
import type { MessageType } from './wire/messages.ts';
import { decodeProto, encodeProto, type Message } from './wire/proto.ts';
import { receivedOf } from './wire/received.ts';

/** The encodings of OTLP: protobuf, and its JSON mapping. */
export type OtlpEncoding = 'proto' | 'json';

export interface OtlpCodec<Batch> {
  /** Path of the gRPC method that takes the request. */
  readonly grpcMethod: string;
  /** Path below the base URL of OTLP over HTTP. */
  readonly httpPath: string;
  /** A request with the batch. What was received goes on as it was received, but for what components changed. */
  encode(batch: Batch, encoding: OtlpEncoding): Uint8Array;
  /** Reads a request. Throws a `MalformedError`. */
  decode(request: Uint8Array, encoding: OtlpEncoding): Batch;
  /** Reads the answer to a request; throws if it is not OTLP. */
  readAnswer(answer: Uint8Array, encoding: OtlpEncoding): OtlpAnswer;
  /** Answers a request. */
  writeAnswer(answer: OtlpAnswer, encoding: OtlpEncoding): Uint8Array;
}

export interface OtlpAnswer {
  readonly rejected: number;
  readonly message: string;
}

interface PartialAnswer {
  readonly partialSuccess?: { readonly errorMessage?: string };
}

export interface CodecOptions<Batch, Item extends object, Content, Answer extends PartialAnswer> {
  readonly grpcMethod: string;
  readonly httpPath: string;
  readonly serializers: Readonly<Record<OtlpEncoding, ISerializer<Content, Answer>>>;
  /** What a request has a list of, or what the list is grouped from. */
  items(batch: Batch): readonly Item[];
  /** What the serializer takes, each a request of its own. */
  contents(items: readonly Item[]): readonly Content[];
  /** Of items that were received. */
  readonly wire: {
    readonly request: MessageType;
    readonly response: MessageType;
    message(items: readonly Item[]): Message;
  };
  decoded(request: Message): Batch;
  readonly rejectedField: keyof NonNullable<Answer['partialSuccess']> & string;
}

export function createCodec<Batch, Item extends object, Content, Answer extends PartialAnswer>({
  serializers,
  items,
  contents,
  wire,
  decoded,
  rejectedField,
  ...paths
}: CodecOptions<Batch, Item, Content, Answer>): OtlpCodec<Batch> {
  return {
    ...paths,
    encode(batch, encoding) {
      const all = items(batch);
      const isReceived = (item: Item) => receivedOf(item) !== undefined;
      const made = all.filter((item) => !isReceived(item));
      const requests = contents(made).map(
        (content) => serializers[encoding].serializeRequest(content) ?? new Uint8Array(),
      );
      if (made.length === all.length) return joinRequests(requests, encoding);
      const message = wire.message(all.filter(isReceived));
      return joinRequests(
        [...(made.length > 0 ? requests : []), encoders[encoding](wire.request, message)],
        encoding,
      );
    },
    decode: (request, encoding) =>
      decoded(
        encoding === 'json' ? decodeJson(wire.request, textOf(request)) : decodeProto(wire.request, request),
      ),
    readAnswer(answer, encoding) {
      // a server may answer JSON with nothing where it accepted all
      if (answer.length === 0) return { rejected: 0, message: '' };
      // the serializer of JSON takes any text for an answer without content
      const { partialSuccess }: Answer =
        encoding === 'json'
          ? JSON.parse(Buffer.from(answer).toString())
          : serializers.proto.deserializeResponse(answer);
      if (!partialSuccess) return { rejected: 0, message: '' };
      // JSON has it as a text; int64: less than 0 means none too
      const count = Math.max(0, Number(Reflect.get(partialSuccess, rejectedField) ?? 0));
      return { rejected: count, message: partialSuccess.errorMessage ?? '' };
    },
    writeAnswer({ rejected, message: errorMessage }, encoding) {
      const partialSuccess = { [rejectedField]: BigInt(rejected), errorMessage };
      const isWhole = rejected === 0 && errorMessage === '';
      return encoders[encoding](wire.response, isWhole ? {} : { partialSuccess });
    },
  };
}

/** Without a copy of the bytes. */
const textOf = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  Buffer.from(buffer, byteOffset, byteLength).toString();

const encoders = { proto: encodeProto, json: encodeJson } as const;

/** One request with the content of several: the only field of a request is repeated. */
export function joinRequests(requests: readonly Uint8Array[], encoding: OtlpEncoding): Uint8Array {
  const [first] = requests;
  if (first === undefined || requests.length === 1) return first ?? new Uint8Array();
  if (encoding === 'proto') return Buffer.concat(requests);
  // each is {"resourceMetrics":[…]}
  const head = first.subarray(0, first.indexOf(openBracket) + 1);
  const lists = requests.flatMap((request, n) => [
    n === 0 ? head : comma,
    request.subarray(request.indexOf(openBracket) + 1, -2),
  ]);
  return Buffer.concat([...lists, closing]);
}

const openBracket = '['.charCodeAt(0);
const comma = Buffer.from(',');
const closing = Buffer.from(']}');
