import { constants } from 'node:http2';
import { status } from '@grpc/grpc-js';
import type { Arrival, Reaction } from '../../lab/faulty-backend.ts';

/** One exporter of the fault table with a destination of its own that fails in one way. */
export interface FaultRow {
  readonly name: string;
  readonly over: 'http' | 'grpc';
  /** Of the exporter, beside its destination. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly react?: (arrival: Arrival) => Reaction;
  readonly cuts?: (ordinal: number) => boolean;
  /** Reasons for which the agent loses items here. What the end of the agent costs is `shutdown` anywhere. */
  readonly loses?: readonly string[];
  /** Milliseconds that a second attempt comes after the first at least. */
  readonly delay?: number;
  /** At first nothing listens there, for longer than the queue is. */
  readonly isDown?: true;
  /** Some requests wait for their second attempt until the agent ends. */
  readonly untilEnd?: true;
  /** So many requests never get an answer. */
  readonly unanswered?: number;
  /** The server keeps what the agent sends again: it cannot know. */
  readonly repeats?: true;
}

const accept: Reaction = { kind: 'accept' };

/** The first attempt of each request fails, the second does not. */
const once =
  (fault: Reaction) =>
  ({ attempt }: Arrival): Reaction =>
    attempt === 1 ? fault : accept;

/** Every other request fails, whatever it carries. */
const everyOther =
  (fault: Reaction) =>
  ({ ordinal }: Arrival): Reaction =>
    ordinal % 2 === 0 ? fault : accept;

const retryable = (name: string, over: FaultRow['over'], fault: Reaction, more = {}): FaultRow => ({
  ...{ name, over, react: once(fault) },
  ...more,
});
const permanent = (name: string, over: FaultRow['over'], fault: Reaction): FaultRow => ({
  ...{ name, over, react: everyOther(fault), loses: ['refused'] },
});

const { CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS } = status;
const retryableCodes: readonly status[] = [
  ...[CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS],
];
const codes = Object.values(status).filter((code): code is status => typeof code === 'number' && code > 0);

const retryableStatuses = [429, 502, 503, 504];
const statuses = [...retryableStatuses, 307, 400, 401, 403, 404, 405, 408, 413, 415, 500, 501];

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_PROTOCOL_ERROR, NGHTTP2_REFUSED_STREAM } = constants;
const resets = { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_PROTOCOL_ERROR, NGHTTP2_REFUSED_STREAM };

const short = { timeout: '1s' };
const lateBy = 1500;
/** Seconds: longer than the table takes. */
const muchLater = 3600;
/** What ends a connection ends no other request on it. */
const alone = { sending_queue: { num_consumers: 1 } };
/** The first requests alone. */
const atFirst =
  (fault: Reaction) =>
  ({ ordinal }: Arrival): Reaction =>
    ordinal <= 4 ? fault : accept;

export const faultRows: readonly FaultRow[] = [
  ...codes.map((code) =>
    (retryableCodes.includes(code) ? retryable : permanent)(`grpc-${status[code]}`, 'grpc', {
      ...{ kind: 'grpc', code },
    }),
  ),
  retryable(
    'grpc-retry-info',
    'grpc',
    { kind: 'grpc', code: status.RESOURCE_EXHAUSTED, retryAfter: 400 },
    { delay: 400 },
  ),
  ...statuses.map((code) =>
    (retryableStatuses.includes(code) ? retryable : permanent)(`http-${code}`, 'http', {
      ...{ kind: 'http', status: code },
    }),
  ),
  retryable(
    'http-retry-after',
    'http',
    { kind: 'http', status: 503, headers: { 'Retry-After': '1' } },
    { delay: 1000 },
  ),
  ...Object.entries(resets).map(([name, code]) =>
    retryable(`reset-${name}`, 'grpc', { kind: 'reset', code }),
  ),
  retryable('reset-with-retryable-status', 'grpc', { kind: 'grpc', code: status.UNAVAILABLE, reset: true }),
  permanent('reset-with-permanent-status', 'grpc', { kind: 'grpc', code: status.NOT_FOUND, reset: true }),
  retryable('goaway', 'grpc', { kind: 'goaway' }, { settings: alone }),
  { name: 'grpc-cut', over: 'grpc', settings: alone, cuts: (ordinal) => ordinal % 2 === 1 },
  { name: 'http-cut', over: 'http', cuts: (ordinal) => ordinal % 2 === 1 },
  ...(['grpc', 'http'] as const).flatMap((over): readonly FaultRow[] => [
    { name: `${over}-good`, over },
    { name: `${over}-partial`, over, react: () => ({ kind: 'partial', rejected: 2 }), loses: ['partial'] },
    permanent(`${over}-garbage`, over, { kind: 'garbage' }),
    retryable(`${over}-no-answer`, over, { kind: 'hang' }, { settings: short }),
    {
      ...{ name: `${over}-late`, over, settings: short, repeats: true },
      react: atFirst({ kind: 'late', after: lateBy }),
    },
    {
      ...{ name: `${over}-retry-at-end`, over, untilEnd: true },
      react: atFirst(
        over === 'grpc'
          ? { kind: 'grpc', code: UNAVAILABLE, retryAfter: muchLater * 1000 }
          : { kind: 'http', status: 503, headers: { 'Retry-After': `${muchLater}` } },
      ),
    },
    {
      ...{
        name: `${over}-hangs`,
        over,
        react: () => ({ kind: 'hang' }),
        loses: ['queue_full'],
        unanswered: 5,
      },
      settings: { timeout: '0s', sending_queue: { queue_size: 5 } },
    },
    {
      ...{ name: `${over}-no-retry`, over, loses: ['retry_disabled'] },
      react: everyOther(
        over === 'grpc' ? { kind: 'grpc', code: UNAVAILABLE } : { kind: 'http', status: 503 },
      ),
      settings: { retry_on_failure: { enabled: false } },
    },
    {
      ...{ name: `${over}-too-old`, over, loses: ['retries_exhausted'] },
      react: () => (over === 'grpc' ? { kind: 'grpc', code: UNAVAILABLE } : { kind: 'http', status: 503 }),
      settings: {
        retry_on_failure: { initial_interval: '100ms', max_interval: '100ms', max_elapsed_time: '500ms' },
      },
    },
    {
      ...{
        name: `${over}-blocks`,
        over,
        settings: { sending_queue: { queue_size: 1, num_consumers: 1, block_on_overflow: true } },
      },
      react: once(over === 'grpc' ? { kind: 'grpc', code: UNAVAILABLE } : { kind: 'http', status: 503 }),
    },
    {
      ...{ name: `${over}-down`, over, isDown: true, loses: ['queue_full'] },
      settings: { sending_queue: { queue_size: 5, num_consumers: 1 } },
    },
    { name: `${over}-waits`, over, settings: { sending_queue: { wait_for_result: true } } },
  ]),
];
