import type { Attempt, Outcome, Payload } from '../../../src/component.ts';
import type { Delivery } from '../../../src/config/schema/delivery.ts';
import { openSender } from '../../../src/delivery/open-sender.ts';
import type { Store } from '../../../src/store.ts';
import { type Batch, itemCount } from '../../../src/telemetry/batch.ts';
import { seconds, toSeconds } from '../../../src/telemetry/units.ts';
import { fakeWorld, total } from '../runtime/fake-world.ts';

export const accepted: Outcome = { kind: 'accepted' };
export const unavailable: Outcome = { kind: 'retry', reason: 'unavailable' };

export const defaults: Delivery = {
  timeout: seconds(5),
  sending_queue: {
    ...{ enabled: true, num_consumers: 10, sizer: 'requests', queue_size: 1000, max_bytes: 1000 },
    ...{ block_on_overflow: false, wait_for_result: false },
  },
  retry_on_failure: {
    enabled: true,
    initial_interval: seconds(5),
    randomization_factor: 0.5,
    multiplier: 1.5,
    max_interval: seconds(30),
    max_elapsed_time: seconds(300),
  },
};

export interface Options {
  readonly delivery?: Partial<Delivery>;
  readonly queue?: Partial<Delivery['sending_queue']>;
  readonly retry?: Partial<Delivery['retry_on_failure']>;
  readonly random?: () => number;
  readonly store?: Store;
  encode?(batch: Batch): readonly Payload[];
}

export type Send = (payload: Payload, abort: AbortSignal) => Outcome | Promise<Outcome>;

export const encodeWhole = (batch: Batch): readonly Payload[] => [
  { signal: batch.signal, bytes: new Uint8Array(), items: itemCount(batch) },
];

export async function start(
  send: Send,
  { delivery, queue, retry, random = () => 0.5, encode = encodeWhole, store }: Options = {},
) {
  const world = fakeWorld();
  world.clock.random = random;
  const times: number[] = [];
  const settings: Delivery = {
    ...defaults,
    ...delivery,
    sending_queue: { ...defaults.sending_queue, ...queue },
    retry_on_failure: { ...defaults.retry_on_failure, ...retry },
  };
  const exporter = {
    encode,
    async send(payload: Payload, { abort }: Attempt) {
      times.push(toSeconds(world.clock.elapsed()));
      return send(payload, abort);
    },
    async close() {},
  };
  const sender = await openSender(
    { shape: 'request', exporter, delivery: settings, ...(store && { store }) },
    { ...world, id: 'out' },
  );
  const count = (name: string, reason?: string) =>
    total(world.counters, `otelcol_exporter_${name}`, reason === undefined ? {} : { reason });
  return { ...world, sender, times, count };
}

export const never = () => new Promise<Outcome>(() => {});
