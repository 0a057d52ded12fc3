import { counter, counterPerSignal, type Emits } from '../telemetry/emits.ts';

export const runtimeCounters = {
  receiverAccepted: counterPerSignal('otelcol_receiver_accepted', {
    meaning: 'Items that a receiver handed to its pipelines.',
    isLoss: false,
  }),
  processorIncoming: counter({
    name: 'otelcol_processor_incoming_items',
    unit: '{item}',
    meaning: 'Items that entered a processor.',
    isLoss: false,
  }),
  processorOutgoing: counter({
    name: 'otelcol_processor_outgoing_items',
    unit: '{item}',
    meaning: 'Items that left a processor.',
    isLoss: false,
  }),
  itemsDropped: counter({
    name: 'earshot.agent.items.dropped',
    unit: '{item}',
    meaning: 'Items lost because a component of the agent failed, by component and reason.',
    isLoss: true,
  }),
  collectSkipped: counter({
    name: 'earshot.agent.collect.skipped',
    unit: '{collect}',
    meaning: 'Collections skipped because the one before took longer than the interval.',
    isLoss: true,
  }),
  collectErrors: counter({
    name: 'earshot.agent.collect.errors',
    unit: '{collect}',
    meaning: 'Collections that failed.',
    isLoss: false,
  }),
  taskSkipped: counter({
    name: 'earshot.agent.task.skipped',
    unit: '{run}',
    meaning: 'Runs of a task skipped because the one before took longer than the interval.',
    isLoss: true,
  }),
  taskErrors: counter({
    name: 'earshot.agent.task.errors',
    unit: '{run}',
    meaning: 'Runs of a task that failed.',
    isLoss: false,
  }),
} as const;

const { receiverAccepted, ...others } = runtimeCounters;

export const runtimeEmits: Emits = {
  counters: [...Object.values(receiverAccepted), ...Object.values(others)],
};
