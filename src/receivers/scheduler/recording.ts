import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import type { CgroupChange, Cgroups } from '../../cgroup/cgroups.ts';
import type { CgroupId, MonotonicNanoseconds } from '../../telemetry/units.ts';
import type { SchedulerReading, SchedulerSource, SourceDescription, WaitEvent } from './source.ts';

/**
 * A recording is what a `SchedulerSource` answered, one JSON object a line, gzipped: first a header, then the cgroups
 * seen and one line per interval. It feeds demonstrations on machines without BPF, and tests of everything above.
 */
export interface RecordingHeader {
  /** What, where and when: shown on every screen. */
  readonly title: string;
  readonly histogramScale: number;
  readonly source: SourceDescription;
}

export interface RecordedInterval {
  readonly reading: SchedulerReading;
  readonly waits: readonly WaitEvent[];
}

export interface Recording {
  readonly header: RecordingHeader;
  readonly cgroups: readonly (readonly [CgroupId, string])[];
  readonly intervals: readonly RecordedInterval[];
}

/** Cgroups as they were when the recording was made. */
export class RecordedCgroups implements Cgroups {
  readonly #paths = new Map<CgroupId, string>();
  path(id: CgroupId): string | undefined {
    return this.#paths.get(id);
  }
  *living() {
    for (const [id, path] of this.#paths) yield { id, path };
  }
  learn({ id, path }: CgroupChange): void {
    if (path !== undefined) this.#paths.set(id, path);
  }
}

export async function writeRecording(file: string, recording: Recording): Promise<void> {
  const lines = [recording.header, recording.cgroups, ...recording.intervals].map(
    (line) => `${encode(line)}\n`,
  );
  await pipeline(Readable.from(lines), createGzip({ level: 9 }), createWriteStream(file));
}

export async function readRecording(file: string): Promise<Recording> {
  const lines: string[] = [];
  try {
    await pipeline(createReadStream(file), createGunzip(), async (text) => {
      for await (const line of createInterface({ input: Readable.from(text) })) lines.push(line);
    });
    const [header, cgroups, ...intervals] = lines.map(decode);
    if (!header || !cgroups || !intervals.length) throw new Error('it is empty');
    return { header, cgroups, intervals } as unknown as Recording;
  } catch (cause) {
    throw new Error(`cannot replay ${file}: ${(cause as Error).message}`, { cause });
  }
}

/** Plays a recording over and over, one recorded interval a reading. */
export async function openRecording(file: string, cgroups: Cgroups): Promise<SchedulerSource> {
  const { header, cgroups: known, intervals } = await readRecording(file);
  for (const [id, path] of known) cgroups.learn({ kind: 'seen', id, path });
  let next = 0;
  let waits: readonly WaitEvent[] = [];
  const now = () => process.hrtime.bigint() as MonotonicNanoseconds;
  return {
    histogramScale: header.histogramScale,
    describe: () => ({ ...header.source, recording: header.title }),
    drain() {
      const drained = waits.map((wait) => ({ ...wait, at: now() }));
      waits = [];
      return drained;
    },
    read() {
      const interval = intervals[next++ % intervals.length];
      if (!interval) throw new Error('cannot replay: no interval'); // readRecording refuses an empty one
      waits = interval.waits;
      return { ...interval.reading, at: now() };
    },
    close() {},
  };
}

function encode(value: unknown): string {
  return JSON.stringify(value, (_, field: unknown) => {
    if (typeof field === 'bigint') return { $bigint: field.toString() };
    if (field instanceof Map) return { $map: [...field] };
    return field;
  });
}

function decode(line: string): unknown {
  return JSON.parse(line, (_, field: { $bigint?: string; $map?: [unknown, unknown][] } | null) => {
    if (field?.$bigint !== undefined) return BigInt(field.$bigint);
    if (field?.$map !== undefined) return new Map(field.$map);
    return field;
  });
}
