import { longestLoad, spin } from '../kernel/scheduler-fixture.ts';
import type { Scenario } from './scenario.ts';
import { behind, besideHog, modest, pod, shared, untilFound, wanting } from './situations.ts';

/** Who has the CPU: itself, another, many others, and by which share. */
export const contention: readonly Scenario[] = [
  {
    name: 'idle: a thread that computes now and then, alone',
    async play(stage) {
      const victim = stage.cgroup('victim');
      stage.bursts(victim, 1000, 50_000);
      await stage.windows(untilFound);
      return { found: [], quiet: [victim] };
    },
  },
  {
    name: 'one hog',
    async play(stage) {
      const { victim, hog } = besideHog(stage);
      await stage.windows(untilFound);
      return behind(victim, hog);
    },
  },
  {
    name: 'a hog in the same pod',
    async play(stage) {
      const { container } = pod(stage, 1);
      const [victim, culprit] = [container('a'), container('b')];
      stage.bursts(victim, 2000, 5000);
      stage.hog(culprit);
      await stage.windows(untilFound);
      return {
        found: [{ victim, verdict: 'sibling_contention', culprit }],
        tolerated: [{ victim: culprit, verdict: 'sibling_contention', culprit: victim }],
      };
    },
  },
  {
    name: 'a hog in another pod',
    async play(stage) {
      const [victim, culprit] = [pod(stage, 2).container('a'), pod(stage, 3).container('b')];
      stage.bursts(victim, 2000, 5000);
      stage.hog(culprit);
      await stage.windows(untilFound);
      return behind(victim, culprit);
    },
  },
  {
    name: 'too many threads of its own',
    async play(stage) {
      const victim = stage.cgroup('victim');
      stage.hog(victim, 4);
      await stage.windows(untilFound);
      return { found: [{ victim, verdict: 'self_contention' }] };
    },
  },
  {
    name: 'two threads pinned to one CPU while the other is idle: it may not use that one',
    alone: 'no CPU is idle',
    async play(stage) {
      const victim = stage.cgroup('victim');
      stage.bursts(victim, 8000, 1000, 2);
      await stage.windows(untilFound);
      return { found: [{ victim, verdict: 'self_contention' }] };
    },
  },
  {
    name: 'short bursts of a daemon beside a hog: the daemon runs last and preempts, the hog has the CPU',
    async play(stage) {
      const victim = stage.cgroup('victim');
      const hog = stage.cgroup('hog');
      const daemon = stage.cgroup('daemon');
      stage.bursts(victim, 2000, 20_000);
      stage.hog(hog);
      stage.bursts(daemon, 60, 1000);
      await stage.windows(untilFound);
      return {
        found: [{ victim, verdict: 'noisy_neighbor', culprit: hog }],
        tolerated: [
          ...wanting(hog),
          ...wanting(victim),
          ...wanting(daemon),
          { victim: daemon, verdict: 'noisy_neighbor', culprit: hog },
          { victim: daemon, verdict: 'noisy_neighbor', culprit: victim },
        ],
      };
    },
  },
  {
    name: 'many small neighbors, each within its share',
    async play(stage) {
      const victim = stage.cgroup('victim');
      stage.hog(victim);
      const small = Array.from({ length: 8 }, (_, n) => stage.cgroup(`small-${n}`));
      for (const cgroup of small) stage.bursts(cgroup, 2000, 30_000);
      await stage.windows(untilFound);
      return {
        found: [{ victim, verdict: 'overcommitted' }],
        tolerated: small.flatMap((of) => [
          { victim: of, verdict: 'noisy_neighbor', culprit: victim },
          { victim: of, verdict: 'overcommitted' },
        ]),
      };
    },
  },
  {
    name: 'a neighbor within its share',
    async play(stage) {
      const [a, b] = [stage.cgroup('victim'), stage.cgroup('neighbor')];
      stage.hog(a);
      stage.hog(b);
      await stage.windows(untilFound);
      return { found: shared(a, b) };
    },
  },
  {
    name: 'a workload whose weight is too small',
    async play(stage) {
      const victim = stage.cgroup('victim', { weak: true });
      const neighbor = stage.cgroup('neighbor');
      stage.hog(victim);
      stage.bursts(neighbor, 20_000, 5000);
      await stage.windows(untilFound);
      return { found: [{ victim, verdict: 'overcommitted' }], tolerated: wanting(neighbor) };
    },
  },
  {
    name: 'a hog at nice 19: nice has no effect between cgroups',
    async play(stage) {
      const victim = modest(stage);
      const hog = stage.cgroup('hog');
      stage.run(hog, ['nice', '-n', '19', ...spin(longestLoad, 1)]);
      await stage.windows(untilFound);
      return behind(victim, hog);
    },
  },
  {
    name: 'a hog with next to no weight: it gives way',
    async play(stage) {
      const victim = modest(stage);
      const hog = stage.cgroup('hog', { weak: true });
      stage.hog(hog);
      await stage.windows(untilFound);
      return { found: [], quiet: [victim], tolerated: wanting(hog) };
    },
  },
  {
    name: 'a neighbor of four times the weight takes four fifths: that is its share',
    async play(stage) {
      const [victim, heavy] = [stage.cgroup('victim'), stage.cgroup('heavy', { weight: 400 })];
      stage.hog(victim);
      stage.hog(heavy);
      await stage.windows(untilFound);
      return { found: [{ victim, verdict: 'overcommitted' }], tolerated: wanting(heavy) };
    },
  },
];
