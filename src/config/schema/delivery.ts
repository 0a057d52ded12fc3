import type { TObject } from 'typebox';
import type { Component, ConfigProblem } from '../../component.ts';
import { bytes, type Nanoseconds, nanoseconds } from '../../telemetry/units.ts';
import { duration } from './duration.ts';
import { storageId } from './storage-id.ts';
import { Type } from './type.ts';

/** Where `max_bytes` is absent. */
export const maxQueueBytes = bytes(32 * 1024 * 1024);

/** What a queue is measured in; the Collector's words. */
export type Sizer = 'requests' | 'items' | 'bytes';

/** How the runtime delivers; keys, defaults and sentences of the Collector's exporterhelper. */
export interface Delivery {
  readonly timeout: Nanoseconds;
  readonly sending_queue: {
    readonly enabled: boolean;
    readonly num_consumers: number;
    readonly sizer: Sizer;
    readonly queue_size: number;
    readonly max_bytes?: number;
    readonly block_on_overflow: boolean;
    readonly wait_for_result: boolean;
    readonly storage?: string;
  };
  readonly retry_on_failure: {
    readonly enabled: boolean;
    readonly initial_interval: Nanoseconds;
    readonly randomization_factor: number;
    readonly multiplier: number;
    readonly max_interval: Nanoseconds;
    readonly max_elapsed_time: Nanoseconds;
  };
}

const deliverySchema = ({ timeout }: { readonly timeout: string }) => ({
  timeout: duration({ default: timeout, description: 'Time for one attempt; 0: no limit.' }),
  sending_queue: Type.Object(
    {
      enabled: Type.Boolean({
        default: true,
        description: 'Off: receivers wait for each request to be delivered.',
      }),
      num_consumers: Type.Integer({
        minimum: 1,
        default: 10,
        description: 'Requests sent at the same time.',
      }),
      sizer: Type.Enum(['requests', 'items', 'bytes'], {
        default: 'requests',
        description:
          'What the queue is measured in: requests, items (data points, log records, spans) or bytes of encoded requests.',
      }),
      queue_size: Type.Integer({
        minimum: 1,
        default: 1000,
        description:
          'What may wait or be under way, in the unit of `sizer`; what comes beyond that is dropped and counted.',
      }),
      max_bytes: Type.Optional(
        Type.Integer({
          minimum: 1,
          description: `Bytes that the queue holds at most where \`sizer\` is another; absent: ${maxQueueBytes}.`,
        }),
      ),
      block_on_overflow: Type.Boolean({
        default: false,
        description:
          'On: what comes when the queue is full waits for room, and its receiver with it, until the agent stops. What alone exceeds the queue is dropped and counted.',
      }),
      wait_for_result: Type.Boolean({
        default: false,
        description: 'On: receivers wait for each request to be delivered or lost. Not with a `storage`.',
      }),
      storage: storageId(
        'Storage extension that holds the queue, so that it outlives the agent; absent: it is in memory.',
      ),
    },
    { default: {}, description: 'The queue between the pipelines and the network.' },
  ),
  retry_on_failure: Type.Object(
    {
      enabled: Type.Boolean({
        default: true,
        description: 'Off: what cannot be delivered at once is dropped and counted.',
      }),
      initial_interval: duration({
        default: '5s',
        minimum: '1ms',
        description: 'Wait after the first failure.',
      }),
      randomization_factor: Type.Number({
        minimum: 0,
        maximum: 1,
        default: 0.5,
        description: 'Spread of each wait, as a part of it.',
      }),
      multiplier: Type.Number({ minimum: 1, default: 1.5, description: 'Growth of the wait.' }),
      max_interval: duration({ default: '30s', minimum: '1ms', description: 'Where the growth ends.' }),
      max_elapsed_time: duration({
        default: '300s',
        description: 'Age at which a request is given up; 0: never.',
      }),
    },
    { default: {}, description: 'What is done when the destination cannot take a request now.' },
  ),
});

/** Rules about a delivery beyond the schema, in the Collector's words. */
export function deliveryProblems(delivery: Delivery): readonly ConfigProblem[] {
  return [...queueProblems(delivery), ...retryProblems(delivery)];
}

function queueProblems({ sending_queue: queue }: Delivery): readonly ConfigProblem[] {
  const problem = (key: string, message: string) => ({ path: ['sending_queue', key], message });
  const problems: ConfigProblem[] = [];
  if (!queue.enabled && queue.storage !== undefined)
    problems.push(problem('storage', "needs the queue: 'enabled' must be true"));
  if (queue.wait_for_result && queue.storage !== undefined)
    problems.push(
      problem(
        'wait_for_result',
        "'wait_for_result' is not supported with a persistent queue configured with 'storage'",
      ),
    );
  if (queue.sizer === 'bytes' && queue.max_bytes !== undefined)
    problems.push(problem('max_bytes', "is for another 'sizer': in bytes, 'queue_size' is the bound"));
  return problems;
}

function retryProblems({ retry_on_failure: retry }: Delivery): readonly ConfigProblem[] {
  const age = retry.max_elapsed_time;
  const above = (['initial_interval', 'max_interval'] as const).find((key) => retry[key] > age);
  if (!retry.enabled || age === 0 || above === undefined) return [];
  const path = ['retry_on_failure', 'max_elapsed_time'];
  return [{ path, message: `'max_elapsed_time' must not be less than '${above}'` }];
}

/** The schema of a component's configuration, with the keys that the runtime adds to it. */
export function configSchemaOf(component: Component): TObject {
  if (!isRequest(component)) return component.config;
  const { type, properties, required, ...options } = component.config;
  return Type.Object({ ...properties, ...deliverySchema(component.delivery) }, options);
}

/** What a component is given of its configuration, and what the runtime keeps. */
export function partDelivery(component: Component, config: Settings): Parted {
  if (!isRequest(component)) return { settings: config };
  const { timeout, sending_queue, retry_on_failure, ...settings } = config;
  // by `deliverySchema`
  return { settings, delivery: { timeout, sending_queue, retry_on_failure } as Delivery };
}

type Settings = Readonly<Record<string, unknown>>;

interface Parted {
  readonly settings: Settings;
  readonly delivery?: Delivery;
}

const isRequest = (component: Component) => component.kind === 'exporter' && component.shape === 'request';

/** What fails is lost. */
export const noRetry: Delivery['retry_on_failure'] = {
  enabled: false,
  initial_interval: nanoseconds(0),
  randomization_factor: 0,
  multiplier: 1,
  max_interval: nanoseconds(0),
  max_elapsed_time: nanoseconds(0),
};
