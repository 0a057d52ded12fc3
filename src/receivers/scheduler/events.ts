import type { Attributes } from '@opentelemetry/api';
import { culpritAttributes, lastRunnerAttributes } from '../../telemetry/attributes/culprit.ts';
import { eventAttributes } from '../../telemetry/attributes/event.ts';
import { waitPart } from '../../telemetry/attributes/wait.ts';
import { toSeconds } from '../../telemetry/units.ts';
import { type WaitEvent, waitClasses } from './source.ts';

/** A single wait as the attributes of an `earshot.wait` event. */
export function describeWait(wait: WaitEvent): Attributes {
  const parts = waitClasses
    .filter((name) => wait.classes[name] !== 0)
    .map((name) => [waitPart(name), toSeconds(wait.classes[name])]);
  return {
    [eventAttributes.duration.key]: toSeconds(wait.wait),
    ...Object.fromEntries(parts),
    ...culpritOf(wait),
    [eventAttributes.processId.key]: wait.tgid,
    [eventAttributes.threadId.key]: wait.pid,
    [eventAttributes.threadName.key]: wait.thread,
    [eventAttributes.cpu.key]: wait.cpu,
    ...(wait.last.cgroup === undefined
      ? {}
      : { [lastRunnerAttributes.cgroupId.key]: String(wait.last.cgroup) }),
    [lastRunnerAttributes.processId.key]: wait.last.pid,
    [lastRunnerAttributes.threadName.key]: wait.last.thread,
    ...placementOf(wait),
    [eventAttributes.weight.key]: wait.weight,
    [eventAttributes.migrated.key]: wait.migrated,
  };
}

/**
 * The cgroup whose quota had run out, or the other cgroup that had the CPU longest: of the longer class, so that culprit
 * and class belong together.
 */
function culpritOf({ culprit, culpritTime, throttler, throttlerTime, classes }: WaitEvent): Attributes {
  const isThrottled = classes.throttled > classes.other;
  const [serial, time] = isThrottled ? [throttler, throttlerTime] : [culprit, culpritTime];
  return serial === undefined
    ? {}
    : {
        [culpritAttributes.cgroupId.key]: String(serial),
        [eventAttributes.culpritTime.key]: toSeconds(time),
      };
}

/** Nothing, if no other CPU is known to have been idle. */
function placementOf({ idleCpu }: WaitEvent): Attributes {
  return idleCpu.time > 0
    ? {
        [eventAttributes.idleCpuTime.key]: toSeconds(idleCpu.time),
        [eventAttributes.idleCpuNumber.key]: idleCpu.number,
      }
    : {};
}
