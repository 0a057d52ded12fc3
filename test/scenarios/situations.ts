import type { TestCgroup } from '../kernel/scheduler-fixture.ts';
import type { Expected, Label } from './scenario.ts';
import type { Stage } from './stage.ts';

/** From the begin of a load to its finding: two windows, the one in which it begins, and one that is too late. */
export const untilFound = 4;

/** A thread that computes for 2 ms of every 7: what it wants is less than its share beside one other. */
export function modest(stage: Stage): TestCgroup {
  const victim = stage.cgroup('victim');
  stage.bursts(victim, 2000, 5000);
  stage.requires(victim, 0.1);
  return victim;
}

/** Takes all it can get, while what competes with it wants less than half. */
export function hogBeside(stage: Stage): TestCgroup {
  const cgroup = stage.cgroup('hog');
  stage.hog(cgroup);
  stage.requires(cgroup, mostOfCpu);
  return cgroup;
}

/** Of one, with what a busy machine takes of it. */
export const mostOfCpu = 0.4;

/** Of a CPU that two or three have in equal parts. */
export const partOfCpu = 0.2;

/** A modest victim beside a load that takes all it can get. */
export function behind(victim: TestCgroup, hog: TestCgroup): Label {
  return {
    found: [{ victim, verdict: 'noisy_neighbor', culprit: hog }],
    tolerated: [...wanting(hog), { victim: hog, verdict: 'self_contention' }],
  };
}

/** A hog that shares a CPU wants more of it than there is. */
export const wanting = (hog: TestCgroup): readonly Expected[] => [{ victim: hog, verdict: 'overcommitted' }];

/** Two that compute all the time: each has its share of what both want. */
export const shared = (a: TestCgroup, b: TestCgroup): readonly Expected[] =>
  [a, b].flatMap((victim) => [{ victim, verdict: 'overcommitted' }]);

/** A pod of a kubelet's hierarchy with containers, as their paths say. */
export function pod(stage: Stage, number: number, quota?: number) {
  const root = stage.cgroup(`kubepods-${number}`);
  const kubepods = stage.cgroup('kubepods', { parent: root });
  const uid = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
  const cgroup = stage.cgroup(`pod${uid}`, { parent: kubepods, ...(quota !== undefined && { quota }) });
  const container = (letter: string) => stage.cgroup(letter.repeat(64), { parent: cgroup });
  return { cgroup, container };
}
