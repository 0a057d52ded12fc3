import { counterPerSignal } from '../telemetry/counter-per-signal.ts';

/** Of receivers that hand over what came, and are told what became of it. */
export const receiverRefused = counterPerSignal('otelcol_receiver_refused', {
  meaning:
    'Items that a receiver handed to its pipelines (and counted as accepted), which did not take them all, by reason: their sender was told, and may send them again; of a file they are read again.',
  isLoss: false,
});
