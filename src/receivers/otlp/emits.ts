import { counter, type Emits } from '../../telemetry/emits.ts';

export const intakeCounters = {
  rejected: counter({
    name: 'earshot.agent.requests.rejected',
    unit: '{request}',
    meaning:
      'Requests that are no data of a signal that a pipeline takes, or on which the agent failed (`error`), by reason: their sender was told not to send them again.',
    isLoss: true,
  }),
  deferred: counter({
    name: 'earshot.agent.requests.deferred',
    unit: '{request}',
    meaning:
      'Requests turned away unread, by reason: `busy` (too many bytes under way), `stopping`. Their sender was told to send them again.',
    isLoss: false,
  }),
  unread: counter({
    name: 'earshot.agent.requests.unread',
    unit: '{request}',
    meaning:
      'Requests that did not arrive whole: the sender or its connection ended, gRPC did not take the message (too large, damaged), or TLS did not begin.',
    isLoss: false,
  }),
} as const;

export const intakeEmits: Emits = { counters: Object.values(intakeCounters) };
