import type { ISerializer } from '@opentelemetry/otlp-transformer';

/** The encodings of OTLP: protobuf, and its JSON mapping. */
export type OtlpEncoding = 'proto' | 'json';

export interface OtlpCodec<Batch> {
  /** Path of the gRPC method that takes the request. */
  readonly grpcMethod: string;
  /** Path below the base URL of OTLP over HTTP. */
  readonly httpPath: string;
  /** A request with the batch. */
  encode(batch: Batch, encoding: OtlpEncoding): Uint8Array;
  /** Reads the answer to a request; throws if it is not OTLP. */
  readAnswer(answer: Uint8Array, encoding: OtlpEncoding): OtlpAnswer;
}

export interface OtlpAnswer {
  readonly rejected: number;
  readonly message: string;
}

interface PartialAnswer {
  readonly partialSuccess?: { readonly errorMessage?: string };
}

export interface CodecOptions<Batch, Content, Answer extends PartialAnswer> {
  readonly grpcMethod: string;
  readonly httpPath: string;
  readonly serializers: Readonly<Record<OtlpEncoding, ISerializer<Content, Answer>>>;
  /** What the serializer takes, each a request of its own. */
  contents(batch: Batch): readonly Content[];
  rejected(answer: NonNullable<Answer['partialSuccess']>): number | undefined;
}

export function createCodec<Batch, Content, Answer extends PartialAnswer>({
  serializers,
  contents,
  rejected,
  ...paths
}: CodecOptions<Batch, Content, Answer>): OtlpCodec<Batch> {
  return {
    ...paths,
    encode: (batch, encoding) =>
      joinRequests(
        contents(batch).map((content) => serializers[encoding].serializeRequest(content) ?? new Uint8Array()),
        encoding,
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
      const count = Math.max(0, Number(rejected(partialSuccess) ?? 0));
      return { rejected: count, message: partialSuccess.errorMessage ?? '' };
    },
  };
}

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
