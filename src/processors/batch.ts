import type { Static } from 'typebox';
import type { ConfigProblem, Host, Processed, Processor, ProcessorComponent } from '../component.ts';
import { duration } from '../config/schema/duration.ts';
import { Type } from '../config/schema/type.ts';
import {
  type Batch,
  emptyBatch,
  itemCount,
  joinBatches,
  type Signal,
  splitBatch,
} from '../telemetry/batch.ts';
import { type CounterMetric, counter, type Emits } from '../telemetry/emits.ts';

const batchConfig = Type.Object(
  {
    timeout: duration({
      default: '200ms',
      maximum: '1h',
      description:
        'The longest time for which an item is held; 0: none is, and `send_batch_max_size` alone counts.',
    }),
    send_batch_size: Type.Integer({
      default: 8192,
      minimum: 0,
      description: 'Data points, log records or spans that are sent on as soon as so many are there.',
    }),
    send_batch_max_size: Type.Integer({
      default: 0,
      minimum: 0,
      description: 'Larger batches are divided; 0: never.',
    }),
    metadata_keys: Type.Optional(
      Type.Array(Type.String(), { description: 'Refused: no metadata of a request comes with data.' }),
    ),
  },
  { additionalProperties: false },
);
type Config = Static<typeof batchConfig>;

const batchCounters = {
  bySize: counter({
    name: 'otelcol_processor_batch_batch_size_trigger_send',
    unit: '{times}',
    meaning: 'Batches that a processor `batch` sent on because of their size, or with a `timeout` of 0.',
    isLoss: false,
  }),
  byTime: counter({
    name: 'otelcol_processor_batch_timeout_trigger_send',
    unit: '{times}',
    meaning: 'Batches that a processor `batch` sent on because of its `timeout`.',
    isLoss: false,
  }),
  lost: counter({
    name: 'earshot.agent.batch.lost',
    unit: '{item}',
    meaning:
      'Items that a processor `batch` still held when it was closed, because it was not flushed in time.',
    isLoss: true,
  }),
} as const;

const batchEmits: Emits = { counters: Object.values(batchCounters) };

/** As the Collector's; but what batches share, such as their resources, comes once. */
export const batch: ProcessorComponent<typeof batchConfig, Processed> = {
  kind: 'processor',
  type: 'batch',
  summary:
    'Puts small batches together, by size and time: resources, scopes and metrics that are equal become one.',
  stability: { metrics: 'beta', logs: 'beta', traces: 'alpha', profiles: 'development' },
  config: batchConfig,
  emits: batchEmits,
  check: batchProblems,
  open: openBatch,
};

function batchProblems(config: Config): readonly ConfigProblem[] {
  const { send_batch_size: size, send_batch_max_size: most, metadata_keys } = config;
  const problems: ConfigProblem[] = [];
  if (most > 0 && most < size)
    problems.push({
      path: ['send_batch_max_size'],
      message: `must be greater or equal to "send_batch_size", which is ${size}, got ${most}`,
    });
  if (metadata_keys !== undefined)
    problems.push({
      path: ['metadata_keys'],
      message: 'nothing to divide batches by: no metadata of a request comes with data; leave it out',
    });
  return problems;
}

async function openBatch(config: Config, host: Host): Promise<Processor<Processed>> {
  const { timeout, send_batch_size: size, send_batch_max_size: most } = config;
  const held = new Map<Signal, { batches: Batch[]; items: number }>();
  const of = { processor: host.id };

  /** All that is held; with `full`, what makes up whole batches, and the rest stays. */
  function take(signal: Signal, full = false): readonly Batch[] {
    const { batches: [first, ...rest] = [], items = 0 } = held.get(signal) ?? {};
    held.delete(signal);
    if (first === undefined) return [];
    const joined = joinBatches([first, ...rest]);
    if (most === 0 || items <= most) return [joined];
    const parts = splitBatch(joined, most);
    const last = parts.at(-1);
    if (!full || last === undefined || itemCount(last) >= size) return parts;
    held.set(signal, { batches: [last], items: itemCount(last) });
    return parts.slice(0, -1);
  }

  function counted(metric: CounterMetric, batches: readonly Batch[]): readonly Batch[] {
    if (batches.length > 0) host.counters.add(metric, batches.length, of);
    return batches;
  }

  const takeAll = () => [...held.keys()].flatMap((signal) => take(signal));

  return {
    process(batch) {
      const { signal } = batch;
      const items = itemCount(batch);
      if (items === 0) return batch;
      const now = held.get(signal) ?? { batches: [], items: 0 };
      now.batches.push(batch);
      now.items += items;
      held.set(signal, now);
      if (timeout > 0 && now.items < size) return emptyBatch(signal);
      return counted(batchCounters.bySize, take(signal, timeout > 0));
    },
    pulls:
      timeout === 0
        ? []
        : [
            {
              name: 'timeout',
              every: timeout,
              collect: () => counted(batchCounters.byTime, takeAll()),
            },
          ],
    flush: takeAll,
    async close() {
      for (const { items } of held.values()) host.counters.add(batchCounters.lost, items, of);
      held.clear();
    },
  };
}
