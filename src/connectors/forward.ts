import type { ConnectorComponent } from '../component.ts';
import { Type } from '../config/schema/type.ts';
import { signalNames } from '../telemetry/batch.ts';

const config = Type.Object({});

export const forward: ConnectorComponent<typeof config> = {
  kind: 'connector',
  type: 'forward',
  summary: 'Hands what one pipeline made to others, to merge pipelines or to part them.',
  connects: signalNames.map((signal) => ({ from: signal, to: signal, stability: 'beta' })),
  config,
  async open() {
    return { connect: (batch) => [batch], async close() {} };
  },
};
