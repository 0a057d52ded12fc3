import type { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';

/** OpenTelemetry's `ReadableSpan`, as the serializer takes it. */
export type Span = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0][number];
