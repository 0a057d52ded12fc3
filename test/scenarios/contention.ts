import { longestLoad, spin } from '../kernel/scheduler-fixture.ts';
import type { Expected, Scenario } from './scenario.ts';
import {
  behind,
  hogBeside,
  modest,
  mostOfCpu,
  partOfCpu,
  pod,
  shared,
  untilFound,
  wanting,
} from './situations.ts';
import type { Stage } from './stage.ts';

/** Who has the CPU: itself, another, many others, and by which share. */
export const contention: readonly Scenario[] = [
  {
    name: 'idle: a thread that computes now and then, alone',
    async play(stage) {
      const victim = stage.cgroup('victim');
      stage.bursts(victim, 1000, 50_000);
      stage.requires(victim, 0.005);
      await stage.windows(untilFound);
      return { found: [], quiet: [victim] };
    },
  },
  {
    name: 'one hog',
    async play(stage) {
      const victim = modest(stage);
      const hog = hogBeside(stage);
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
      stage.requires(culprit, mostOfCpu);
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
      stage.requires(culprit, mostOfCpu);
      await stage.windows(untilFound);
      return behind(victim, culprit);
    },
  },
  {
    name: 'too many threads of its own',
    async play(stage) {
      const victim = stage.cgroup('victim');
      stage.hog(victim, 4);
      stage.requires(victim, mostOfCpu);
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
      stage.requires(victim, mostOfCpu);
      await stage.windows(untilFound);
      return { found: [{ victim, verdict: 'self_contention' }] };
    },
  },
  {
    name: 'short bursts of a daemon beside a hog: the daemon runs last and preempts, the hog has the CPU',
    async play(stage) {
      const victim = stage.cgroup('victim');
      const daemon = stage.cgroup('daemon');
      stage.bursts(victim, 2000, 20_000);
      const hog = hogBeside(stage);
      stage.bursts(daemon, 60, 1000);
      stage.requires(daemon, 0.01);
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
      const { victim, tolerated } = amongSmall(stage);
      await stage.windows(untilFound);
      return { found: [{ victim, verdict: 'overcommitted' }], tolerated };
    },
  },
  {
    name: 'many small neighbors, and room for sixteen pairs: which of them had the CPU is not known',
    scheduler: 'max_pairs: 16',
    async play(stage) {
      const { victim, small, tolerated } = amongSmall(stage);
      await stage.windows(untilFound);
      return {
        found: [{ victim, verdict: 'undetermined' }],
        tolerated: [...tolerated, ...small.map((of) => ({ victim: of, verdict: 'undetermined' }))],
      };
    },
  },
  {
    name: 'a neighbor within its share',
    async play(stage) {
      const [a, b] = [stage.cgroup('victim'), stage.cgroup('neighbor')];
      for (const cgroup of [a, b]) {
        stage.hog(cgroup);
        stage.requires(cgroup, partOfCpu);
      }
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
      stage.requires(neighbor, mostOfCpu);
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
      stage.requires(hog, mostOfCpu);
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
      stage.requires(heavy, mostOfCpu);
      await stage.windows(untilFound);
      return { found: [{ victim, verdict: 'overcommitted' }], tolerated: wanting(heavy) };
    },
  },
  {
    name: 'a hog that is a system service',
    async play(stage) {
      const victim = modest(stage);
      const slice = stage.cgroup('system.slice');
      const service = stage.cgroup('backup.service', { parent: slice });
      stage.hog(service);
      stage.requires(service, mostOfCpu);
      await stage.windows(untilFound);
      return {
        found: [{ victim, verdict: 'system_interference', culprit: service }],
        tolerated: wanting(service),
      };
    },
  },
  {
    name: 'eight hogs beyond their share, none of them more than the others: none is the culprit',
    async play(stage) {
      const victim = stage.cgroup('victim', { weight: 1000 });
      stage.bursts(victim, 2000, 5000);
      stage.requires(victim, 0.1);
      const hogs = Array.from({ length: 8 }, (_, n) => stage.cgroup(`hog-${n}`));
      for (const hog of hogs) stage.hog(hog);
      await stage.windows(untilFound);
      return { found: [{ victim, verdict: 'undetermined' }], tolerated: hogs.flatMap(wanting) };
    },
  },
];

/** A hog and eight neighbors that together want half of the CPU. */
function amongSmall(stage: Stage) {
  const victim = stage.cgroup('victim');
  stage.hog(victim);
  const small = Array.from({ length: 8 }, (_, n) => stage.cgroup(`small-${n}`));
  for (const cgroup of small) stage.bursts(cgroup, 2000, 30_000);
  stage.requires(victim, partOfCpu);
  const tolerated: readonly Expected[] = small.flatMap((of) => [
    { victim: of, verdict: 'noisy_neighbor', culprit: victim },
    { victim: of, verdict: 'overcommitted' },
  ]);
  return { victim, small, tolerated };
}
