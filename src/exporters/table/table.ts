import type { LocalExporterComponent } from '../../component.ts';
import { Type } from '../../config/schema/type.ts';
import { printable } from '../../printable.ts';
import { bySignal } from '../../telemetry/batch.ts';
import type { Counter } from '../../telemetry/counters.ts';
import { lossesSinceLast } from '../../telemetry/losses-since-last.ts';
import { screenOf } from '../../views/contention.ts';
import { renderFindings } from './findings.ts';
import { render } from './render.ts';

const config = Type.Object(
  {
    rows: Type.Integer({
      minimum: 1,
      default: 15,
      description: 'Workloads shown; the rest is counted in one line.',
    }),
  },
  { additionalProperties: false },
);

export const table: LocalExporterComponent<typeof config> = {
  kind: 'exporter',
  type: 'table',
  summary:
    'Prints the workloads that wait for CPU, with causes and main culprits, and findings about them, to a terminal.',
  stability: { metrics: 'alpha', logs: 'alpha' },
  shape: 'local',
  prints: true,
  config,
  async open({ rows }, host) {
    const losses = lossesSinceLast(host.counters);
    return {
      async write(batch) {
        const { columns, hasColour, print } = host.machine.terminal;
        const look = { rows, width: columns || 120, colour: hasColour };
        const text = bySignal<string>(batch, {
          metrics({ resourceMetrics }) {
            const screen = screenOf(resourceMetrics);
            return screen ? render(screen, look) + lossLine(losses()) : '';
          },
          logs: ({ records }) => renderFindings(records, look),
        });
        if (text) await print(text);
      },
      async close() {},
    };
  },
};

/** The losses of the whole agent, or nothing. */
function lossLine(lost: readonly Counter[]): string {
  if (lost.length === 0) return '';
  return `lost: ${lost.map((counter) => `${counter.value} ${labelled(counter)}`).join(', ')}\n`;
}

function labelled({ metric: { name }, attributes }: Counter): string {
  const labels = Object.entries(attributes).map(([key, value]) => `${key}=${value}`);
  return printable(labels.length === 0 ? name : `${name} (${labels.join(', ')})`);
}
