import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import type { LocalExporterComponent, Stability } from '../../component.ts';
import { requestsOf } from '../../otlp/requests.ts';
import type { Batch } from '../../telemetry/batch.ts';
import type { OtlpSignal } from '../../telemetry/otlp.ts';
import { bytes } from '../../telemetry/units.ts';
import { type FileConfig, fileConfig, fileProblems } from './config.ts';
import { fileCounters, fileEmits } from './emits.ts';
import { openRecordFile } from './record-file.ts';

export const file: LocalExporterComponent<typeof fileConfig> = {
  kind: 'exporter',
  type: 'file',
  summary:
    'Writes OTLP to a file, as JSON lines or protobuf; receiver `otlp_json_file` reads it, as a Collector does.',
  stability: { metrics: 'beta', logs: 'beta', traces: 'beta' } satisfies Record<OtlpSignal, Stability>,
  shape: 'local',
  ownsPlace: true,
  config: fileConfig,
  emits: fileEmits,
  check: fileProblems,
  async open(config, { id, clock, counters }) {
    const { path, rotation, append, sync_interval: every } = config;
    const of = { exporter: id };
    if (config.create_directory)
      await mkdir(dirname(path), {
        recursive: true,
        mode: Number.parseInt(config.directory_permissions ?? '0755', 8),
      });
    const records = await openRecordFile({
      path,
      append: append || rotation !== undefined,
      isFramed: isFramed(config),
      isSynced: every > 0,
      ...(rotation && {
        rotation: {
          maxSize: bytes(rotation.max_megabytes * 1024 * 1024),
          maxDays: rotation.max_days,
          maxBackups: rotation.max_backups,
          isLocalTime: rotation.localtime,
        },
      }),
      now: () => Number(clock.now() / 1_000_000n),
      onTorn: () => counters.add(fileCounters.torn, 1, of),
      onUndeleted: (files) => counters.add(fileCounters.undeleted, files, of),
    });
    return {
      async write(batch) {
        const all = await recordsOf(batch, config);
        if (all.length > 0) await records.write(Buffer.concat(all));
      },
      ...(every > 0 && { tasks: [{ name: 'force to disk', every, run: () => records.sync() }] }),
      close: () => records.close(),
    };
  },
};

const isFramed = ({ format, compression }: FileConfig) => format === 'proto' || compression !== undefined;

/** The Collector's receiver `otlp_json_file` divides longer lines, unless it is told not to. */
const longestLine = bytes(1024 * 1024 - 1);

async function recordsOf(batch: Batch, config: FileConfig): Promise<readonly Uint8Array[]> {
  const { format, compression } = config;
  const requests = requestsOf(batch, format, { largest: longestLine });
  const isLine = !isFramed(config);
  const parts: Uint8Array[] = [];
  for (const { bytes: request } of requests) {
    const record = compression === undefined ? request : await compress(request);
    if (isLine) parts.push(record, newline);
    else parts.push(lengthOf(record), record);
  }
  return parts;
}

const compress = promisify(zstdCompress);
const newline = Buffer.from('\n');

function lengthOf(record: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(record.length);
  return length;
}
