import type { LocalExporterComponent } from '../../component.ts';
import { Type } from '../../config/schema/type.ts';
import { type Batch, type BySignal, bySignal } from '../../telemetry/batch.ts';
import { logs } from './logs.ts';
import { metrics } from './metrics.ts';
import { profiles } from './profiles.ts';
import type { Rendering } from './rendering.ts';
import { traces } from './traces.ts';

type Verbosity = 'basic' | 'normal' | 'detailed';

const config = Type.Object({
  verbosity: Type.Enum(['basic', 'normal', 'detailed'], {
    default: 'basic',
    description:
      'Counts only; a line for each data point, log record, span and sample; everything there is about each.',
  }),
});

export const debug: LocalExporterComponent<typeof config> = {
  kind: 'exporter',
  type: 'debug',
  summary: 'Prints what comes to it on standard output, to see what a pipeline does.',
  stability: { metrics: 'alpha', logs: 'alpha', traces: 'alpha', profiles: 'alpha' },
  shape: 'local',
  prints: true,
  config,
  async open({ verbosity }, host) {
    return {
      write: (batch) => host.machine.terminal.print(textsOf(batch, verbosity).join('')),
      async close() {},
    };
  },
};

const renderings: BySignal<Rendering> = { metrics, logs, traces, profiles };

function textsOf(batch: Batch, verbosity: Verbosity): readonly string[] {
  const { counts, lines, details } = bySignal(batch, renderings);
  switch (verbosity) {
    case 'basic':
      return [`${counts}\n`];
    case 'normal':
      return lines();
    case 'detailed':
      return [`${counts}\n`, ...details()];
  }
}
