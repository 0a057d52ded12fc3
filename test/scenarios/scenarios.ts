import { setTimeout as sleep } from 'node:timers/promises';
import type { TestCgroup } from '../kernel/scheduler-fixture.ts';
import type { Stage } from './stage.ts';

/** A situation whose cause is known, and what has to be found about it. */
export interface Scenario {
  readonly name: string;
  /** Starts its loads; resolves when what has to be found can have been reported. */
  play(stage: Stage): Promise<Expectation>;
}

export interface Expectation {
  /** Findings that must have been reported. */
  readonly found: readonly Expected[];
  /** Others that may have been, about the loads themselves. */
  readonly tolerated?: readonly Expected[];
  /** Findings that must have ended. */
  readonly ended?: readonly Expected[];
}

export interface Expected {
  readonly victim: TestCgroup;
  readonly verdict: string;
  /** Absent: none. */
  readonly culprit?: TestCgroup;
}

/** From the begin of a load to its finding: two windows, and the one in which it begins. */
const untilFound = 5;

/** A pod of a kubelet's hierarchy with containers, as their paths say. */
function pod(stage: Stage, number: number, quota?: number) {
  const root = stage.cgroup(`kubepods-${number}`);
  const kubepods = stage.cgroup('kubepods', { parent: root });
  const uid = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
  const cgroup = stage.cgroup(`pod${uid}`, { parent: kubepods, ...(quota !== undefined && { quota }) });
  const container = (letter: string) => stage.cgroup(letter.repeat(64), { parent: cgroup });
  return { cgroup, container };
}

/** A victim that computes for 2 ms of every 7, beside a neighbor that computes all the time. */
function besideHog(stage: Stage) {
  const victim = stage.cgroup('victim');
  const hog = stage.cgroup('hog');
  stage.bursts(victim, 2000, 5000);
  stage.hog(hog);
  return { victim, hog, noisy: { victim, verdict: 'noisy_neighbor', culprit: hog } as const };
}

/** A hog that shares a CPU wants more of it than there is. */
const wanting = (hog: TestCgroup): readonly Expected[] => [{ victim: hog, verdict: 'overcommitted' }];

/** Two that compute all the time: each has its share of what both want. */
const shared = (a: TestCgroup, b: TestCgroup): readonly Expected[] =>
  [a, b].flatMap((victim) => [{ victim, verdict: 'overcommitted' }]);

export const scenarios: readonly Scenario[] = [
  {
    name: 'idle: a thread that computes now and then, alone',
    async play(stage) {
      stage.bursts(stage.cgroup('victim'), 1000, 50_000);
      await stage.windows(untilFound);
      return { found: [] };
    },
  },
  {
    name: 'one hog',
    async play(stage) {
      const { hog, noisy } = besideHog(stage);
      await stage.windows(untilFound);
      return { found: [noisy], tolerated: wanting(hog) };
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
      return { found: [{ victim, verdict: 'noisy_neighbor', culprit }], tolerated: wanting(culprit) };
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
    name: 'its own quota',
    async play(stage) {
      const victim = stage.cgroup('victim', { quota: 30 });
      stage.hog(victim);
      await stage.windows(untilFound);
      return { found: [{ victim, verdict: 'quota_throttled', culprit: victim }] };
    },
  },
  {
    name: 'a quota of the pod',
    async play(stage) {
      const { cgroup, container } = pod(stage, 4, 30);
      const victim = container('a');
      stage.hog(victim);
      await stage.windows(untilFound);
      return { found: [{ victim, verdict: 'quota_throttled', culprit: cgroup }] };
    },
  },
  {
    name: 'a quota of the slice above',
    async play(stage) {
      const slice = stage.cgroup('batch.slice', { quota: 30 });
      const victim = stage.cgroup('victim', { parent: slice });
      stage.hog(victim);
      await stage.windows(untilFound);
      return { found: [{ victim, verdict: 'quota_throttled', culprit: slice }] };
    },
  },
  {
    name: 'a quota and a neighbor',
    async play(stage) {
      const victim = stage.cgroup('victim', { quota: 20 });
      const rival = stage.cgroup('rival');
      stage.hog(victim);
      stage.hog(rival);
      await stage.windows(untilFound);
      return {
        found: [{ victim, verdict: 'quota_throttled', culprit: victim }],
        // while the quota lasts, both have their share
        tolerated: [...shared(victim, rival), { victim, verdict: 'noisy_neighbor', culprit: rival }],
      };
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
      return {
        found: [{ victim, verdict: 'overcommitted' }],
        tolerated: [{ victim: neighbor, verdict: 'overcommitted' }],
      };
    },
  },
  {
    name: 'a hog that is throttled most of the time',
    async play(stage) {
      const victim = stage.cgroup('victim');
      const hog = stage.cgroup('hog', { quota: 20 });
      stage.bursts(victim, 2000, 5000);
      stage.hog(hog);
      await stage.windows(untilFound);
      return {
        found: [{ victim: hog, verdict: 'quota_throttled', culprit: hog }],
        tolerated: [
          { victim, verdict: 'noisy_neighbor', culprit: hog },
          { victim: hog, verdict: 'noisy_neighbor', culprit: victim },
          ...wanting(hog),
          ...wanting(victim),
        ],
      };
    },
  },
  {
    name: 'a spike too short to be a finding',
    async play(stage) {
      const victim = stage.cgroup('victim');
      const hog = stage.cgroup('hog');
      stage.bursts(victim, 2000, 5000);
      await stage.windows(2);
      const load = stage.hog(hog);
      await sleep(400);
      load.signal('SIGTERM');
      await stage.windows(3);
      return { found: [] };
    },
  },
  {
    name: 'a container that ends: its finding ends too',
    async play(stage) {
      const victim = stage.cgroup('victim');
      const hog = stage.cgroup('hog');
      const load = stage.bursts(victim, 2000, 5000);
      stage.hog(hog);
      await stage.windows(untilFound);
      load.signal('SIGTERM');
      await stage.windows(untilFound);
      const noisy = { victim, verdict: 'noisy_neighbor', culprit: hog };
      return { found: [noisy], tolerated: wanting(hog), ended: [noisy] };
    },
  },
  {
    name: 'a periodic hog',
    async play(stage) {
      const victim = stage.cgroup('victim');
      const hog = stage.cgroup('hog');
      stage.bursts(victim, 2000, 5000);
      for (let period = 0; period < 2; period++) {
        const load = stage.hog(hog);
        await stage.windows(untilFound);
        load.signal('SIGTERM');
        await stage.windows(untilFound);
      }
      const noisy = { victim, verdict: 'noisy_neighbor', culprit: hog };
      return { found: [noisy], tolerated: wanting(hog), ended: [noisy, noisy] };
    },
  },
  {
    name: 'a loop of dd',
    async play(stage) {
      const victim = stage.cgroup('victim');
      const hog = stage.cgroup('hog');
      stage.bursts(victim, 2000, 5000);
      stage.run(hog, [
        'timeout',
        '30',
        'sh',
        '-c',
        'while :; do dd if=/dev/zero of=/dev/null bs=64k count=20000 2>/dev/null; done',
      ]);
      await stage.windows(untilFound);
      return {
        found: [{ victim, verdict: 'noisy_neighbor', culprit: hog }],
        tolerated: [...wanting(hog), { victim: hog, verdict: 'self_contention' }],
      };
    },
  },
  {
    name: 'a loop of forks',
    async play(stage) {
      const victim = stage.cgroup('victim');
      const hog = stage.cgroup('hog');
      stage.bursts(victim, 2000, 5000);
      stage.run(hog, ['timeout', '30', 'sh', '-c', 'while :; do /bin/true; done']);
      await stage.windows(untilFound);
      return {
        found: [{ victim, verdict: 'noisy_neighbor', culprit: hog }],
        tolerated: [...wanting(hog), { victim: hog, verdict: 'self_contention' }],
      };
    },
  },
  {
    name: 'a build',
    async play(stage) {
      const victim = stage.cgroup('victim');
      const hog = stage.cgroup('hog');
      stage.bursts(victim, 2000, 5000);
      const compile = 'while :; do echo "#include <stdio.h>" | cc -O2 -x c -c -o /dev/null -; done';
      stage.run(hog, ['timeout', '30', 'sh', '-c', compile]);
      await stage.windows(untilFound);
      return {
        found: [{ victim, verdict: 'noisy_neighbor', culprit: hog }],
        tolerated: [...wanting(hog), { victim: hog, verdict: 'self_contention' }],
      };
    },
  },
];
