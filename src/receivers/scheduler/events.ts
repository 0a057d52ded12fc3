import type { Attributes } from '@opentelemetry/api';
import { toSeconds } from '../../telemetry/units.ts';
import { attributes as keys, waitPart } from '../../telemetry/vocabulary.ts';
import { type WaitEvent, waitClasses } from './source.ts';

/** A single wait as the attributes of an `earshot.wait` event. */
export function waitAttributes(wait: WaitEvent): Attributes {
  const parts = waitClasses
    .filter((name) => wait.classes[name] !== 0)
    .map((name) => [waitPart(name), toSeconds(wait.classes[name])]);
  return {
    [keys.waitDuration]: toSeconds(wait.wait),
    ...Object.fromEntries(parts),
    ...culpritOf(wait),
    [keys.processId]: wait.tgid,
    [keys.threadId]: wait.pid,
    [keys.threadName]: wait.thread,
    [keys.cpu]: wait.cpu,
    ...(wait.last.cgroup === undefined ? {} : { [keys.lastCgroupId]: String(wait.last.cgroup) }),
    [keys.lastProcessId]: wait.last.pid,
    [keys.lastThreadName]: wait.last.thread,
    ...placementOf(wait),
    [keys.weight]: wait.weight,
    [keys.migrated]: wait.migrated,
  };
}

/**
 * Whose quota had run out, or who of the others had the CPU longest: whichever class was longer, so that the class says
 * what the culprit did.
 */
function culpritOf({ culprit, culpritTime, throttler, throttlerTime, classes }: WaitEvent): Attributes {
  const isThrottled = classes.throttled > classes.other;
  const [serial, time] = isThrottled ? [throttler, throttlerTime] : [culprit, culpritTime];
  return serial === undefined
    ? {}
    : { [keys.culpritCgroupId]: String(serial), [keys.culpritTime]: toSeconds(time) };
}

/** Nothing, if no other CPU is known to have been idle. */
function placementOf({ idleCpu }: WaitEvent): Attributes {
  return idleCpu.time > 0
    ? { [keys.elsewhereIdle]: toSeconds(idleCpu.time), [keys.elsewhereCpu]: idleCpu.number }
    : {};
}
