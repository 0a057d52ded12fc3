import { attribute } from '../emits.ts';

/** The name of the event of a finding. */
export const findingEventName = 'earshot.finding';

/** A verdict about a workload that has been sustained, on `earshot.finding` events; the resource is the victim. */
export const findingAttributes = {
  id: attribute('earshot.finding.id', 'The same for the same victim, verdict and culprit.'),
  state: attribute(
    'earshot.finding.state',
    '`begin`, `escalate` (more severe than before), `repeat` (still active after the cool-down), `end`.',
  ),
  since: attribute('earshot.finding.since', 'Time at which the finding began, RFC 3339.'),
  verdict: attribute('earshot.verdict', 'What the waiting comes from.'),
  confidence: attribute('earshot.confidence', 'How certain the verdict is, 0 to 1.'),
  loweredBy: attribute(
    'earshot.confidence.lowered_by',
    'What lowered the confidence, the heaviest first, each with the factor that it leaves.',
  ),
  score: attribute('earshot.finding.score', 'Score of the verdict, 0 to 100.'),
  share: attribute('earshot.finding.share', 'Part of the wait that the verdict explains, 0 to 1.'),
  waitShare: attribute(
    'earshot.finding.wait.share',
    'Part of its runnable time that the victim waited, 0 to 1.',
  ),
  culpritShare: attribute('earshot.finding.culprit.share', 'Part of the wait that the culprit took, 0 to 1.'),
  culprits: attribute(
    'earshot.finding.culprits',
    'All named culprits with their parts of the wait, as text.',
  ),
  otherVerdicts: attribute(
    'earshot.finding.other_verdicts',
    'Other verdicts that hold, with their parts of the wait.',
  ),
  p99: attribute('earshot.finding.p99', '99th percentile of the completed waits in the window, seconds.'),
  baseline: attribute('earshot.finding.baseline.p99', 'Usual p99, seconds; absent: not known yet.'),
  baselineSpread: attribute(
    'earshot.finding.baseline.spread',
    'Half the range in which the middle half of the usual p99 lies, seconds.',
  ),
  trend: attribute(
    'earshot.finding.trend',
    '`rising`, `falling` or `steady`: the part of its runnable time that the victim waits, over the last windows.',
  ),
  window: attribute('earshot.finding.window', 'Length of the window, seconds.'),
  advice: attribute('earshot.finding.advice', 'What would have helped in the window, with its arithmetic.'),
  incidentId: attribute(
    'earshot.incident.id',
    'The same for all victims of one culprit and verdict. The first of its findings leads; the others have severity INFO.',
  ),
  incidentVictims: attribute('earshot.incident.victims', 'Workloads that the incident hurts now.'),
} as const;

/** The part of the wait that fell to one cause, 0 to 1. */
export const findingCauseShare = (cause: string) => `earshot.finding.share.${cause}` as const;
