import { join } from 'node:path';
import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics';
import { type RecordedMetric, writeRecording } from '../../../src/receivers/replay/recording.ts';
import { seconds } from '../../../src/telemetry/units.ts';

/** Data points of one reading: `number` distinguishes them, and the time one reading from the next. */
export const itemsPerReading = 5;

/** A recording of one interval for the receiver `replay`, which makes a reading of it each time: one request. */
export async function writeLoad(directory: string): Promise<string> {
  const file = join(directory, 'load.jsonl.gz');
  const metric = {
    descriptor: { name: 'load', unit: '1', description: '', valueType: 1 },
    ...{
      dataPointType: DataPointType.SUM,
      aggregationTemporality: AggregationTemporality.DELTA,
      isMonotonic: true,
    },
    dataPoints: Array.from({ length: itemsPerReading }, (_, number) => ({
      attributes: { number },
      value: 1,
    })),
  } as RecordedMetric; // a sum
  const metrics = [{ resource: { 'earshot.cgroup.path': '/load' }, metrics: [metric] }];
  await writeRecording(file, {
    title: 'load',
    weights: {},
    intervals: [{ span: seconds(1), metrics, events: [] }],
  });
  return file;
}
