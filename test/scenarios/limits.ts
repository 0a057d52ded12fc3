import type { Scenario } from './scenario.ts';
import { modest, mostOfCpu, partOfCpu, pod, shared, untilFound, wanting } from './situations.ts';

/** Quotas at every level, and beside other causes. */
export const limits: readonly Scenario[] = [
  {
    name: 'its own quota',
    async play(stage) {
      const victim = stage.cgroup('victim', { quota: 30 });
      stage.hog(victim);
      stage.requires(victim, partOfCpu);
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
      stage.requires(victim, partOfCpu);
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
      stage.requires(victim, partOfCpu);
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
      stage.requires(rival, mostOfCpu);
      await stage.windows(untilFound);
      return {
        found: [{ victim, verdict: 'quota_throttled', culprit: victim }],
        // while the quota lasts, both have their share
        tolerated: [...shared(victim, rival), { victim, verdict: 'noisy_neighbor', culprit: rival }],
      };
    },
  },
  {
    name: 'a hog that is throttled most of the time',
    async play(stage) {
      const victim = modest(stage);
      const hog = stage.cgroup('hog', { quota: 20 });
      stage.hog(hog);
      stage.requires(hog, 0.1);
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
];
