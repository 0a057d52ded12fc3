import { type Files, filesAt } from '../config/text/files.ts';
import type { TimerClock } from '../machine/clock.ts';
import { seconds } from '../telemetry/units.ts';
import { type Schedule, startSchedule } from './schedule.ts';

export interface Watched {
  readonly clock: TimerClock;
  /** What was read last, whether it was applied or refused: another object each time. */
  known(): Files;
  onChange(): void;
}

/**
 * Looks at files each second, and calls once for each new content that two looks in a row found: a file that is being
 * written or replaced is half there, or away, for a moment. By path, so that a renamed file and another target of a
 * symbolic link are seen, which inotify sees neither above a ConfigMap's file nor in a network's file system; by content, as
 * two changes within one tick of the kernel have the same time.
 */
export function watchFiles({ clock, known, onChange }: Watched): Schedule {
  let read = known();
  let acted = read;
  let last = read;
  return startSchedule(
    {
      every: seconds(1),
      async run() {
        if (known() !== read) {
          read = known();
          acted = read;
        }
        const now = filesAt([...read.keys()]);
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

const isEqual = (a: Files, b: Files) => [...a].every(([path, content]) => content === b.get(path));
