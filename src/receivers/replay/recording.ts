import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import type { Attributes } from '@opentelemetry/api';
import type { DataPoint, MetricData } from '@opentelemetry/sdk-metrics';
import type { Weight } from '../../cgroup/files/files.ts';
import type { Nanoseconds } from '../../telemetry/units.ts';

/**
 * A recording is what a receiver emitted on another machine, one JSON object a line, gzipped: first what it is and the weights of its cgroups, then
 * one line an interval. Cgroups are named by their paths, as their ids mean nothing elsewhere; times are relative to the end
 * of the interval.
 */
export interface Recording {
  /** What, where and when: shown on every screen. */
  readonly title: string;
  /** By path of the cgroup; of a removed one its last. */
  readonly weights: Readonly<Record<string, Weight>>;
  readonly intervals: readonly RecordedInterval[];
}

export interface RecordedInterval {
  readonly span: Nanoseconds;
  readonly metrics: readonly RecordedMetrics[];
  readonly events: readonly RecordedEvent[];
}

/** The metrics of one resource. */
export interface RecordedMetrics {
  readonly resource: Attributes;
  readonly metrics: readonly RecordedMetric[];
}

/** Their points begin and end with the interval. */
export type RecordedMetric = Omit<MetricData, 'dataPoints'> & {
  readonly dataPoints: readonly Pick<DataPoint<unknown>, 'attributes' | 'value'>[];
};

export interface RecordedEvent {
  readonly name: string;
  readonly resource: Attributes;
  readonly attributes: Attributes;
  /** At the end of the interval. */
  readonly age: Nanoseconds;
}

export async function writeRecording(file: string, { intervals, ...header }: Recording): Promise<void> {
  const lines = [header, ...intervals].map((line) => `${JSON.stringify(line)}\n`);
  await pipeline(Readable.from(lines), createGzip({ level: 9 }), createWriteStream(file));
}

/** Throws what is wrong with the file. Of its lines only their outline is checked. */
export async function readRecording(file: string): Promise<Recording> {
  const lines: string[] = [];
  try {
    await pipeline(createReadStream(file), createGunzip(), async (text) => {
      for await (const line of createInterface({ input: Readable.from(text) })) lines.push(line);
    });
    return recordingFrom(lines.map((line) => JSON.parse(line)));
  } catch (cause) {
    throw new Error(`cannot replay ${file}: ${(cause as Error).message}`, { cause });
  }
}

function recordingFrom([header, ...intervals]: readonly Partial<Recording & RecordedInterval>[]): Recording {
  if (typeof header?.title !== 'string') throw new Error('it has no title');
  if (!intervals.length) throw new Error('it has no interval');
  const wrong = intervals.findIndex(
    ({ span, metrics, events }) =>
      !(Number.isFinite(span) && Array.isArray(metrics) && Array.isArray(events)),
  );
  if (wrong >= 0) throw new Error(`line ${wrong + 2} is no interval`);
  const { title, weights = {} } = header;
  return { title, weights, intervals: intervals as readonly RecordedInterval[] };
}
