import type { Deliver, Host, ReceiverComponent, Stability } from '../../component.ts';
import { type Batch, itemCount } from '../../telemetry/batch.ts';
import { codecOf, type OtlpSignal } from '../../telemetry/otlp.ts';
import { bytes, nanoseconds, seconds } from '../../telemetry/units.ts';
import { MalformedError } from '../../telemetry/wire/malformed-error.ts';
import { requestFields } from '../../telemetry/wire/messages.ts';
import { jsonFileConfig } from './config.ts';
import { jsonFileCounters, jsonFileEmits } from './emits.ts';
import { Files } from './files.ts';
import type { Line } from './lines.ts';
import { readProgress, writeProgress } from './progress-store.ts';

export const otlpJsonFile: ReceiverComponent<typeof jsonFileConfig> = {
  kind: 'receiver',
  type: 'otlp_json_file',
  aliases: ['otlpjsonfile'],
  summary:
    'Reads OTLP from files with a line of JSON for each request, as exporter `file` and Collectors write them.',
  stability: { metrics: 'beta', logs: 'beta', traces: 'beta' } satisfies Record<OtlpSignal, Stability>,
  config: jsonFileConfig,
  ownsPlace: true,
  emits: jsonFileEmits,
  async open(config, host) {
    const { counters, clock, id } = host;
    const of = { receiver: id };
    const store = config.storage === undefined ? undefined : await host.openStore(config.storage);
    const files = new Files({
      ...{ include: config.include, exclude: config.exclude, startAt: config.start_at },
      longest: bytes(config.max_log_size),
      mostFiles: config.max_concurrent_files,
      isReplay: config.replay_file,
      known: (store && (await readProgress(store))) ?? [],
      onRestarted: () => counters.add(jsonFileCounters.lost, 1, of),
      onTorn: () => counters.add(jsonFileCounters.skipped, 1, { ...of, reason: 'torn' }),
    });
    let deliver: Deliver | undefined;
    let waitUntil = nanoseconds(0);
    let saved = '';
    let running: Promise<void> = Promise.resolve();
    let closed: Promise<void> | undefined;

    /** Whether the line is dealt with; if not, it is read again later. */
    async function take(line: Line): Promise<boolean> {
      for (const batch of batchesIn(line, host)) {
        if (deliver === undefined) return false;
        const outcome = await deliver(batch);
        if (outcome.kind !== 'retry') continue;
        waitUntil = nanoseconds(clock.elapsed() + (outcome.after ?? retryAfter));
        return false;
      }
      return true;
    }

    async function poll(): Promise<void> {
      if (deliver === undefined || clock.elapsed() < waitUntil) return;
      try {
        await files.read(take);
      } finally {
        await save();
      }
    }

    async function save(): Promise<void> {
      if (store === undefined || config.replay_file) return;
      const { progress } = files;
      const now = JSON.stringify(progress);
      if (now === saved) return;
      await writeProgress(store, progress);
      saved = now;
    }

    return {
      listen(into) {
        deliver = into;
      },
      async stopListening() {
        deliver = undefined;
        await running.catch(() => {}); // it is the task's
      },
      tasks: [
        {
          name: 'read',
          every: config.poll_interval,
          run() {
            running = poll();
            return running;
          },
        },
      ],
      close() {
        closed ??= files.close().then(() => store?.close());
        return closed;
      },
    };
  },
};

/** Where a pipeline does not say when. */
const retryAfter = seconds(1);

const isSpace = (byte: number) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);

const otlpSignals = Object.keys(requestFields) as readonly OtlpSignal[];

/** Of the signals that a pipeline takes; a line without any of OTLP is counted. */
function batchesIn({ bytes: line }: Line, { counters, id, signals }: Host): readonly Batch[] {
  const skip = (reason: string): readonly Batch[] => {
    counters.add(jsonFileCounters.skipped, 1, { receiver: id, reason });
    return [];
  };
  if (line === undefined) return skip('too_long');
  if (line.every(isSpace)) return [];
  const found = otlpSignals.filter((signal) => line.includes(`"${requestFields[signal].resources}"`));
  try {
    if (found.length === 0) {
      JSON.parse(line.toString());
      return skip('no_signal');
    }
    return found
      .filter((signal) => signals.has(signal))
      .map((signal) => codecOf(signal).decode(line, 'json'))
      .filter((batch) => itemCount(batch) > 0);
  } catch (error) {
    if (!(error instanceof MalformedError) && !(error instanceof SyntaxError)) throw error;
    return skip('malformed');
  }
}
