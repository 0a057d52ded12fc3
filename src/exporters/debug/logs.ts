import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { printable } from '../../printable.ts';
import type { LogsBatch } from '../../telemetry/logs.ts';
import type { Rendering } from './rendering.ts';
import { attributeLines, attributesText, timeText, valueText } from './text.ts';

export const logs = ({ records }: LogsBatch): Rendering => ({
  counts: `logs: log records=${records.length}`,
  lines: () => records.map(line),
  details: () => records.map(details),
});

function line(record: ReadableLogRecord): string {
  const { eventName = 'log', body, attributes, resource } = record;
  const text = body === undefined ? '' : ` ${valueText(body)}`;
  return `${timeText(record.hrTime)} ${printable(eventName)}${text} ${attributesText(attributes)} resource${attributesText(resource.attributes)}\n`;
}

function details(record: ReadableLogRecord): string {
  const { eventName = '', severityText = '', body, attributes, resource } = record;
  return [
    `log record ${printable(eventName)}\n`,
    `  time ${timeText(record.hrTime)}, observed ${timeText(record.hrTimeObserved)}\n`,
    `  severity ${printable(severityText)}\n`,
    body === undefined ? '' : `  body ${printable(JSON.stringify(body))}\n`,
    `  attributes\n${attributeLines(attributes, '    ')}`,
    `  resource\n${attributeLines(resource.attributes, '    ')}`,
  ].join('');
}
