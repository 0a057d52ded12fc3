import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { printable } from '../../printable.ts';
import type { Span, TracesBatch } from '../../telemetry/spans.ts';
import type { Rendering } from './rendering.ts';
import { attributeLines, attributesText, timeText } from './text.ts';

export const traces = ({ spans }: TracesBatch): Rendering => ({
  counts: `traces: spans=${spans.length}`,
  lines: () => spans.map(line),
  details: () => spans.map(details),
});

const durationText = ([seconds, nanoseconds]: Span['duration']) => `${seconds + nanoseconds / 1e9} s`;

const idText = (trace: string, span: string) => `${printable(trace)}/${printable(span)}`;

function line({ name, startTime, duration, attributes, resource, ...span }: Span): string {
  const { traceId, spanId } = span.spanContext();
  return `${timeText(startTime)} ${printable(name)} ${idText(traceId, spanId)} ${durationText(duration)} ${attributesText(attributes)} resource${attributesText(resource.attributes)}\n`;
}

function details(span: Span): string {
  const { traceId, spanId } = span.spanContext();
  const { parentSpanContext: parent, status } = span;
  return [
    `span ${printable(span.name)}\n`,
    `  trace ${printable(traceId)}, id ${printable(spanId)}${parent === undefined ? '' : `, parent ${printable(parent.spanId)}`}\n`,
    `  kind ${SpanKind[span.kind]}, status ${SpanStatusCode[status.code]}${status.message === undefined ? '' : ` ${printable(status.message)}`}\n`,
    `  time ${timeText(span.startTime)} – ${timeText(span.endTime)}: ${durationText(span.duration)}\n`,
    `  attributes\n${attributeLines(span.attributes, '    ')}`,
    ...span.events.map(
      ({ name, time, attributes }) =>
        `  event ${printable(name)} at ${timeText(time)}\n${attributeLines(attributes ?? {}, '    ')}`,
    ),
    ...span.links.map(
      ({ context, attributes }) =>
        `  link to ${idText(context.traceId, context.spanId)}\n${attributeLines(attributes ?? {}, '    ')}`,
    ),
    `  resource\n${attributeLines(span.resource.attributes, '    ')}`,
  ].join('');
}
