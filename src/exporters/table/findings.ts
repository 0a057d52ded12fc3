import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { printable } from '../../printable.ts';
import { findingAttributes, findingEventName } from '../../telemetry/attributes/finding.ts';
import { type Colours, paint } from '../../views/cause-bar.ts';

/** SGR codes of severities. */
const colours: Readonly<Record<string, string>> = { WARN: '33', ERROR: '31', FATAL: '1;31' };

/** A line for each finding that begins, escalates, is repeated or ends; other events are not for people. */
export function renderFindings(records: readonly ReadableLogRecord[], look: Colours): string {
  return records
    .filter(({ eventName }) => eventName === findingEventName)
    .map(({ severityText = '', attributes, body }) => {
      const head = `${severityText} ${attributes[findingAttributes.state.key]}`;
      return `${paint(colours[severityText] ?? '90', head, look)}  ${printable(String(body))}\n`;
    })
    .join('');
}
