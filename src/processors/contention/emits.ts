import { waitAttributes } from '../../telemetry/attributes/wait.ts';
import { counter, type Emits, listed } from '../../telemetry/emits.ts';
import { judgedMetrics } from '../../telemetry/metrics/wait.ts';

/** Why it is not known how much of a culprit's blame is excess. */
export const unjudgedReasons = {
  not_reported:
    "the culprit has no resource in the same batch, and so no run time: excluded, or a sidecar's neighbor",
  path_unknown: 'the cgroup of the victim or the culprit has no path',
  weight_unknown: 'a weight by which the two compare cannot be read, and requests do not stand in for it',
  loose_tasks: 'tasks of a cgroup compete with cgroups below it, one by one',
  group_unknown:
    "another culprit, in the victim's pod or slice, is not known by one of these reasons and may have used a part that matters, and so what is left of that group's share",
} as const;
export type UnjudgedReason = keyof typeof unjudgedReasons;

export const blameUnjudged = counter({
  name: 'earshot.agent.blame.unjudged',
  unit: 's',
  meaning: `Blame of siblings, neighbors and system services of which it is not known how much is excess; none is claimed. By reason: ${listed(unjudgedReasons)}.`,
  isLoss: false,
});

export const contentionEmits: Emits = {
  metrics: Object.values(judgedMetrics),
  attributes: [waitAttributes.cause, waitAttributes.quotaLevel],
  counters: [blameUnjudged],
};
