import { pino } from 'pino';
import { createBpfHost } from '../../bpf/host.ts';
import { UnsupportedError } from '../../bpf/unsupported-error.ts';
import { recordedWeights } from '../../cgroup/recorded-weights.ts';
import type { Host } from '../../component.ts';
import type { Config } from '../../config/config.ts';
import type { Reply } from '../../explanations/answer.ts';
import { explanations as explanationsRef } from '../../explanations/explanations.ts';
import type { TimerClock } from '../../machine/clock.ts';
import { thisMachine } from '../../machine/machine.ts';
import { readRecording } from '../../receivers/replay/recording.ts';
import { batchesFrom } from '../../receivers/replay/replay.ts';
import { hostOf } from '../../runtime/host.ts';
import { Services } from '../../runtime/services.ts';
import type { World } from '../../runtime/world.ts';
import { createCounters } from '../../telemetry/counters.ts';
import { resource } from '../../telemetry/metrics/build.ts';
import {
  type MonotonicNanoseconds,
  type Nanoseconds,
  nanoseconds,
  type UnixNanoseconds,
} from '../../telemetry/units.ts';
import { CommandError } from '../command-error.ts';
import { openJudge, ownConfig } from './judge.ts';

export interface RecordedQuestion {
  readonly workload: string;
  /** Absent: as long as the recording. */
  readonly since: Nanoseconds | undefined;
  readonly file: string;
  /** With settings of the components that judge; absent: their defaults. */
  readonly config: Config | undefined;
}

/** Answers from a recording, read at once; points in time are counted from its beginning. */
export async function replayRecording({ file, workload, since, config }: RecordedQuestion): Promise<Reply> {
  const recording = await readRecording(file).catch((cause: Error) => {
    throw new CommandError(cause.message, { cause });
  });
  const clock = recordedClock();
  const world: World = {
    ...{ clock, log: pino({ level: 'silent' }), counters: createCounters() },
    hostSettings: ownConfig().host,
    bpf: {
      ...createBpfHost(),
      open(spec) {
        throw new UnsupportedError(spec, ['a recording has no kernel']);
      },
    },
    machine: thisMachine('/'),
    ownResource: resource({}),
    dataAttributes: {},
  };
  const services: Services = new Services({
    hostOf: (id, user) => hostOf({ kind: 'service', id }, { world, services, user }),
    start: () => [], // nothing falls due while a recording is read
    close: (_, work) => work(),
  });
  const user = {};
  const host: Host = {
    ...hostOf({ kind: 'connector', id: 'explain' }, { world, services, user }),
    signals: new Set(),
    openStore: () => Promise.reject(new Error('a recording is explained without a storage')),
    authenticator() {
      throw new Error('a recording is explained without an authenticator');
    },
  };
  try {
    const explanations = await host.use(explanationsRef);
    explanations.listen();
    const weights = new Map(Object.entries(recording.weights));
    (await host.use(recordedWeights)).provide(recording.title, weights);
    const judge = await openJudge(host, config);
    const batches = batchesFrom(recording, world.machine.name);
    for (const interval of recording.intervals) {
      clock.pass(interval.span);
      for (const batch of batches(interval, clock.now())) judge(batch);
    }
    return explanations.ask(workload, since ?? clock.elapsed());
  } finally {
    await services.release([user]);
  }
}

/** Time that passes with the intervals of a recording, from the Unix epoch on. */
function recordedClock(): TimerClock & { pass(span: Nanoseconds): void } {
  let passed = 0;
  return {
    pass(span) {
      passed += span;
    },
    now: () => BigInt(passed) as UnixNanoseconds,
    elapsed: () => nanoseconds(passed),
    monotonic: () => BigInt(passed) as MonotonicNanoseconds,
    random: () => 0.5,
    setTimer: () => ({ cancel() {} }),
  };
}
