import { counterPerSignal } from '../telemetry/counter-per-signal.ts';
import { counter, type Emits, level } from '../telemetry/emits.ts';

export const deliveryCounters = {
  sent: counterPerSignal('otelcol_exporter_sent', {
    meaning: 'Items that the destination accepted.',
    isLoss: false,
  }),
  sendFailed: counterPerSignal('otelcol_exporter_send_failed', {
    meaning:
      'Items lost because the destination did not accept them, or the queue on disk no longer has them, by reason.',
    isLoss: true,
  }),
  enqueueFailed: counterPerSignal('otelcol_exporter_enqueue_failed', {
    meaning: 'Items lost before the sending queue, by reason.',
    isLoss: true,
  }),
  deferred: counter({
    name: 'earshot.agent.items.deferred',
    unit: '{item}',
    meaning:
      'Items that were turned away and are not lost, by component and reason: the receiver was told, and its sender, or the file that it reads, still has them. Those that come again are counted again.',
    isLoss: false,
  }),
  unreadable: counter({
    name: 'earshot.agent.queue.unreadable',
    unit: '{request}',
    meaning:
      'Requests of the queue on disk that another version of the agent wrote, at each start: they stay there, and are not sent.',
    isLoss: true,
  }),
  queueSize: level({
    name: 'otelcol_exporter_queue_size',
    unit: '{unit}',
    meaning: 'What waits or is being sent, in the unit of `sending_queue::sizer`: requests, items or bytes.',
  }),
  queueCapacity: level({
    name: 'otelcol_exporter_queue_capacity',
    unit: '{unit}',
    meaning: 'What the queue has room for, in the same unit.',
  }),
} as const;

const { sent, sendFailed, enqueueFailed, deferred, unreadable, queueSize, queueCapacity } = deliveryCounters;

export const deliveryEmits: Emits = {
  counters: [
    ...[sent, sendFailed, enqueueFailed].flatMap((counters) => Object.values(counters)),
    deferred,
    unreadable,
    queueSize,
    queueCapacity,
  ],
};
