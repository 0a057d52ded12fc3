import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { TimerClock } from '../machine/clock.ts';
import { seconds } from '../telemetry/units.ts';
import { type Schedule, startSchedule } from './schedule.ts';

/** The content of files by their paths, as a digest; of one that cannot be read why. */
export type Snapshot = ReadonlyMap<string, string>;

export interface Watched {
  readonly clock: TimerClock;
  /** What the agent has read, or something older. */
  readonly known: Snapshot;
  onChange(): void;
}

/**
 * Looks at files each second, and calls once for each new content that two looks in a row found: a file that is being
 * written or replaced is half there, or away, for a moment. By path, so that a renamed file and another target of a
 * symbolic link are seen, which inotify sees neither above a ConfigMap's file nor in a network's file system; by content, as
 * two changes within one tick of the kernel have the same time.
 */
export function watchFiles({ clock, known, onChange }: Watched): Schedule {
  let acted = known;
  let last = known;
  return startSchedule(
    {
      every: seconds(1),
      async run() {
        const now = snapshotOf([...known.keys()]);
        if (isEqual(now, last) && !isEqual(now, acted)) {
          acted = now;
          onChange();
        }
        last = now;
      },
      onSkipped() {}, // the next look sees all that was changed
    },
    clock,
  );
}

export const snapshotOf = (paths: readonly string[]): Snapshot =>
  new Map(paths.map((path) => [path, contentOf(path)]));

/** Synchronous, as the configuration is read. */
function contentOf(path: string): string {
  try {
    if (!statSync(path).isFile()) return 'no file'; // a pipe can be read once only
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

const isEqual = (a: Snapshot, b: Snapshot) => [...a].every(([path, content]) => content === b.get(path));
