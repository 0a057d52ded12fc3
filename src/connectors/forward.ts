import { Type } from 'typebox';
import type { ConnectorComponent } from '../component.ts';

const config = Type.Object({});

export const forward: ConnectorComponent<typeof config> = {
  kind: 'connector',
  type: 'forward',
  summary: 'Hands what one pipeline made to others, to merge pipelines or to part them.',
  connects: [
    ['metrics', 'metrics'],
    ['logs', 'logs'],
  ],
  config,
  async open() {
    return { connect: (batch) => [batch], async close() {} };
  },
};
