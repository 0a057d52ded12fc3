// Compiled from the protocol's own .proto files by the OpenTelemetry project; the agent's codec is another code.
import compiled from 'otlp-definitions/build/src/generated/root.js';

interface CompiledType {
  fromObject(object: unknown): unknown;
  encode(message: unknown): { finish(): Uint8Array };
  decode(bytes: Uint8Array): unknown;
  toObject(message: unknown, options: object): unknown;
}

type Folder<T> = Readonly<Record<string, T>>;
interface Root {
  readonly opentelemetry: {
    readonly proto: { readonly collector: Folder<Folder<Folder<CompiledType>>> };
  };
}

const { collector } = (compiled as unknown as Root).opentelemetry.proto;

const typeOf = (folder: string, name: string): CompiledType => {
  const type = collector[folder]?.v1?.[name];
  if (type === undefined) throw new Error(`no ${name}`);
  return type;
};

const definition = (type: CompiledType) => ({
  encode: (request: unknown): Uint8Array => type.encode(type.fromObject(request)).finish(),
  /** Texts for 64-bit integers, hexadecimal for bytes. */
  decode: (bytes: Uint8Array): unknown => type.toObject(type.decode(bytes), { longs: String, bytes: String }),
});

export const definitions = {
  logs: definition(typeOf('logs', 'ExportLogsServiceRequest')),
  traces: definition(typeOf('trace', 'ExportTraceServiceRequest')),
  metrics: definition(typeOf('metrics', 'ExportMetricsServiceRequest')),
} as const;
