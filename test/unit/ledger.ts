import { deliveryCounters } from '../../src/delivery/emits.ts';
import { filteredItems } from '../../src/processors/filter/emits.ts';
import { runtimeCounters } from '../../src/runtime/emits.ts';
import type { Signal } from '../../src/telemetry/batch.ts';
import type { Counters } from '../../src/telemetry/counters.ts';
import type { CounterMetric } from '../../src/telemetry/emits.ts';

export interface Ledgered {
  readonly signal: Signal;
  /** Ids; each of the receivers serves this pipeline alone with the signal. */
  readonly receivers: readonly string[];
  readonly processors: readonly string[];
  /** Each gets all that the receivers hand over, and has a ledger of its own. */
  readonly exporter: string;
  /** The queue counts requests. */
  readonly itemsPerRequest: number;
}

export interface Ledger {
  readonly accepted: number;
  /** By a pipeline of the receivers. */
  readonly refused: number;
  readonly sent: number;
  readonly queued: number;
  /** In processors. */
  readonly held: number;
  /** Dropped by processors as their configuration says. */
  readonly filtered: number;
  /** Turned away, while the sender of the batch still has it. */
  readonly deferred: number;
  /** By reason. */
  readonly lost: Readonly<Record<string, number>>;
  /** Accepted or refused, and none of what follows; negative: counted twice. */
  readonly missing: number;
}

/** What became of all items of a pipeline, in one exporter, by the agent's own counters. */
export function ledgerOf(
  counters: Counters,
  { signal, receivers, processors, exporter, itemsPerRequest }: Ledgered,
): Ledger {
  const all = counters.read();
  const of = (metric: CounterMetric, having: Readonly<Record<string, string>>) =>
    all.filter(
      (counter) =>
        counter.metric.name === metric.name &&
        Object.entries(having).every(([key, value]) => counter.attributes[key] === value),
    );
  const sum = (found: readonly { readonly value: number }[]) =>
    found.reduce((sum, { value }) => sum + value, 0);

  const ofReceivers = (metrics: Readonly<Record<Signal, CounterMetric>>) =>
    sum(receivers.flatMap((receiver) => of(metrics[signal], { receiver })));
  const accepted = ofReceivers(runtimeCounters.receiverAccepted);
  const refused = ofReceivers(runtimeCounters.receiverRefused);
  const sent = sum(of(deliveryCounters.sent[signal], { exporter }));
  const queued = sum(of(deliveryCounters.queueSize, { exporter })) * itemsPerRequest;
  const ofComponents = (metric: CounterMetric) =>
    [...processors.map((id) => `processor ${id}`), `exporter ${exporter}`].flatMap((component) =>
      of(metric, { component, signal }),
    );
  const deferred = sum(ofComponents(deliveryCounters.deferred));
  const filtered = sum(
    processors.flatMap((component) =>
      signal === 'profiles' ? [] : of(filteredItems[signal], { component }),
    ),
  );
  const inside = sum(
    processors.flatMap((processor) => [
      ...of(runtimeCounters.processorIncoming, { processor, signal }),
      ...of(runtimeCounters.processorOutgoing, { processor, signal }).map(({ value }) => ({ value: -value })),
    ]),
  );
  const lost: Record<string, number> = {};
  const failed = [deliveryCounters.sendFailed, deliveryCounters.enqueueFailed].flatMap((metrics) =>
    of(metrics[signal], { exporter }),
  );
  for (const { attributes, value } of [...failed, ...ofComponents(runtimeCounters.itemsDropped)]) {
    const reason = String(attributes.reason);
    lost[reason] = (lost[reason] ?? 0) + value;
  }
  const lostInAll = Object.values(lost).reduce((sum, value) => sum + value, 0);
  const held = inside - filtered;
  const missing = accepted + refused - sent - queued - held - filtered - deferred - lostInAll;
  return { accepted, refused, sent, queued, held, filtered, deferred, lost, missing };
}
