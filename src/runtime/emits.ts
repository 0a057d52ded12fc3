import { counterPerSignal } from '../telemetry/counter-per-signal.ts';
import { counter, type Emits } from '../telemetry/emits.ts';

export const runtimeCounters = {
  receiverAccepted: counterPerSignal('otelcol_receiver_accepted', {
    meaning: 'Items that a receiver handed to its pipelines, and that none turned away.',
    isLoss: false,
  }),
  receiverRefused: counterPerSignal('otelcol_receiver_refused', {
    meaning:
      'Items of a receiver that a pipeline or exporter turned away, by reason; another may have taken them. There they are counted as lost or deferred.',
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
    meaning: 'Items lost because a component of the agent failed, or refused them, by component and reason.',
    isLoss: true,
  }),
  collectSkipped: counter({
    name: 'earshot.agent.collect.skipped',
    unit: '{collect}',
    meaning:
      'Collections skipped because the one before took longer than the interval. Nothing is lost: sources count up, so the next one covers the time of the skipped ones; a full buffer counts its own losses.',
    isLoss: false,
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
    meaning:
      'Runs of a task skipped because the one before took longer than the interval. Nothing is lost: the next run does all work that is due.',
    isLoss: false,
  }),
  taskErrors: counter({
    name: 'earshot.agent.task.errors',
    unit: '{run}',
    meaning: 'Runs of a task that failed.',
    isLoss: false,
  }),
} as const;

const { receiverAccepted, receiverRefused, ...others } = runtimeCounters;

export const runtimeEmits: Emits = {
  counters: [receiverAccepted, receiverRefused, others].flatMap((counters) => Object.values(counters)),
};
