import { setTimeout as sleep } from 'node:timers/promises';
import { type Load, removeEarly } from '../kernel/scheduler-fixture.ts';
import type { Scenario } from './scenario.ts';
import { behind, hogBeside, modest, untilFound } from './situations.ts';

/** What comes, goes, grows and comes again. */
export const courses: readonly Scenario[] = [
  {
    name: 'a spike too short to be a finding',
    async play(stage) {
      const victim = modest(stage);
      const hog = stage.cgroup('hog');
      await stage.windows(2);
      const load = stage.hog(hog);
      await sleep(400);
      load.signal('SIGTERM');
      await stage.windows(3);
      return { found: [], quiet: [victim] };
    },
  },
  {
    name: 'a container that ends: its finding ends too',
    async play(stage) {
      const victim = stage.cgroup('victim');
      const load = stage.bursts(victim, 2000, 5000);
      const hog = hogBeside(stage);
      await stage.windows(untilFound);
      load.signal('SIGTERM');
      await stage.windows(untilFound);
      const label = behind(victim, hog);
      return { ...label, ended: label.found };
    },
  },
  {
    name: 'a container that dies in the middle of a window and is removed at once: the finding names it to its end',
    async play(stage) {
      const victim = modest(stage);
      const hog = stage.cgroup('hog');
      const load = stage.hog(hog);
      await stage.windows(untilFound);
      load.signal('SIGTERM');
      await load.ended;
      await removeEarly(hog);
      await stage.windows(untilFound);
      const label = behind(victim, hog);
      return { ...label, ended: label.found };
    },
  },
  {
    name: 'a periodic hog',
    async play(stage) {
      const victim = modest(stage);
      const hog = stage.cgroup('hog');
      for (let period = 0; period < 2; period++) {
        const load = stage.hog(hog);
        await stage.windows(untilFound);
        load.signal('SIGTERM');
        await stage.windows(untilFound);
      }
      const label = behind(victim, hog);
      return { ...label, ended: [...label.found, ...label.found] };
    },
  },
  {
    name: 'a hog that grows slowly: the waiting rises',
    async play(stage) {
      // a tenth of a CPU: the hog soon has more
      const victim = stage.cgroup('victim');
      stage.bursts(victim, 8000, 72_000);
      stage.requires(victim, 0.03);
      await stage.windows(2);
      const hog = stage.cgroup('hog');
      const loads: Load[] = [];
      // more than the victim no earlier than when that has a dozen windows, of which a trend is made
      for (let thread = 1; thread <= 28; thread++) {
        const run = 70 * thread;
        loads.push(stage.bursts(hog, run, 50_000 - run));
        await stage.windows(1);
      }
      // a third of it over the windows with and without it
      stage.requires(hog, 0.1);
      await stage.windows(2);
      for (const load of loads) load.signal('SIGTERM');
      await stage.windows(untilFound);
      const found = [
        { victim, verdict: 'noisy_neighbor', culprit: hog, trend: 'rising', isGradual: true },
      ] as const;
      return { found, ended: found, tolerated: behind(victim, hog).tolerated ?? [] };
    },
  },
];
