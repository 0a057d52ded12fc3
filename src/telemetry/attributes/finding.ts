import { attribute } from '../emits.ts';

/** The event of a finding: a log record on the victim's resource. */
export const findingEventName = 'earshot.finding';

export const findingAttributes = {
  id: attribute('earshot.finding.id', 'Id of the finding, the same from its begin to its end.'),
  state: attribute(
    'earshot.finding.state',
    'What the event says of the finding: `begin`, `escalate`, `repeat`, `end`.',
  ),
} as const;
