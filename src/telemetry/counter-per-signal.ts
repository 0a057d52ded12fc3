import { perSignal, type Signal } from './batch.ts';
import { type CounterMetric, counter } from './emits.ts';
import { signals } from './signals.ts';

/** The Collector's counters of items: one for each signal. */
export function counterPerSignal(
  prefix: string,
  of: Pick<CounterMetric, 'meaning' | 'isLoss'>,
): Readonly<Record<Signal, CounterMetric>> {
  return perSignal((signal) => {
    const { noun, unit } = signals[signal].item;
    return counter({ ...of, name: `${prefix}_${noun}`, unit });
  });
}
