import type { Attributes } from '@opentelemetry/api';
import { quotaLevel } from '../../cgroup/path/quota-level.ts';
import { culpritAttributes } from '../../telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../telemetry/attributes/resource.ts';
import { type Cause, waitAttributes, waitPart } from '../../telemetry/attributes/wait.ts';
import { workloadAttributes } from '../../telemetry/attributes/workload.ts';

/** Classes whose cause does not depend on the culprit. */
const plainCauses = ['self', 'kernel', 'idle', 'irq', 'steal', 'unknown'] as const satisfies readonly Cause[];

/** The cause of time of a class that `culprit` took from `victim`; a culprit without attributes is unknown. */
export function causeOf(waitClass: unknown, victim: Attributes, culprit: Attributes): Cause {
  if (waitClass === 'other') return contenderCause(victim, culprit);
  if (waitClass === 'throttled') return quotaCause(victim, culprit);
  return plainCauses.find((cause) => cause === waitClass) ?? 'unknown';
}

function contenderCause(victim: Attributes, culprit: Attributes): Cause {
  if (
    isSame(victim[workloadAttributes.containerId.key], culprit[culpritAttributes.containerId.key]) ||
    isSameService(victim, culprit)
  )
    return 'self';
  if (isSame(victim[workloadAttributes.podUid.key], culprit[culpritAttributes.podUid.key])) return 'sibling';
  switch (culprit[culpritAttributes.kind.key]) {
    case 'container':
    case 'pod':
    case 'cgroup':
      return 'neighbor';
    case 'kernel':
      return 'kernel';
    case 'service':
    case 'user':
    case 'scope':
    case 'slice':
    case 'root':
      return 'system';
    default:
      return 'unknown';
  }
}

/** Only of services are cgroups below described by their unit; units of two users may have the same name. */
function isSameService(victim: Attributes, culprit: Attributes): boolean {
  return (
    culprit[culpritAttributes.kind.key] === 'service' &&
    isSame(victim[workloadAttributes.unit.key], culprit[culpritAttributes.unit.key])
  );
}

/** The workload's own limit, or one above it that others share. */
function quotaCause(victim: Attributes, owner: Attributes): Cause {
  const ownerPath = owner[culpritAttributes.cgroupPath.key];
  if (typeof ownerPath !== 'string') return 'unknown';
  const isOwn =
    ownerPath === victim[resourceAttributes.cgroupPath.key] ||
    isSame(victim[workloadAttributes.containerId.key], owner[culpritAttributes.containerId.key]) ||
    isSame(victim[workloadAttributes.podUid.key], owner[culpritAttributes.podUid.key]) ||
    isSame(victim[workloadAttributes.unit.key], owner[culpritAttributes.unit.key]);
  return isOwn ? 'throttled' : 'throttled_ancestor';
}

function isSame(a: unknown, b: unknown): boolean {
  return a !== undefined && a === b;
}

/** Of a quota also which level of the hierarchy has it: the culprit is the cgroup that holds it. */
export function withCause(attributes: Attributes, cause: Cause): Attributes {
  const path = attributes[culpritAttributes.cgroupPath.key];
  const isQuota = cause === 'throttled' || cause === 'throttled_ancestor';
  return {
    ...attributes,
    [waitAttributes.cause.key]: cause,
    ...(isQuota && typeof path === 'string' && { [waitAttributes.quotaLevel.key]: quotaLevel(path) }),
  };
}

const partKeys = ['other', 'throttled', ...plainCauses].map((waitClass) => ({
  waitClass,
  key: waitPart(waitClass),
}));

/** Of a single wait: the cause of its longest part; undefined: the attributes have no parts. */
export function mainCause(victim: Attributes, wait: Attributes): Cause | undefined {
  let longest = 0;
  let main: string | undefined;
  for (const { waitClass, key } of partKeys) {
    const part = wait[key];
    if (typeof part === 'number' && part > longest) {
      longest = part;
      main = waitClass;
    }
  }
  return main === undefined ? undefined : causeOf(main, victim, wait);
}
