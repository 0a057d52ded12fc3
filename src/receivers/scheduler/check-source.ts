import { readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { BpfHost } from '../../bpf/bpf.ts';
import { UnsupportedError } from '../../bpf/unsupported-error.ts';
import type { OwnCgroup } from '../../cgroup/own.ts';
import type { LiveSource } from './live-scheduler.ts';
import { fatalChecks, type SelfTestResult, selfTest, summarize } from './self-test.ts';
import { schedulerUse } from './spec.ts';

/** Its inode number is fixed (PROC_PID_INIT_INO of the kernel). */
const initialPidNamespace = 0xef_ff_ff_fc;

/**
 * Lets the self-test look at what was attached here, logs what it found and returns it as features. Throws
 * `UnsupportedError` where nothing that is measured can be right.
 */
export async function checkSource(
  source: LiveSource,
  bpf: BpfHost,
  { cgroup, log }: { readonly cgroup: OwnCgroup; readonly log: Logger },
) {
  const result = await selfTest({
    source,
    sleep,
    cpu: currentCpu,
    seesAllTasks: statSync('/proc/self/ns/pid').ino === initialPidNamespace,
    cgroup,
    monotonic: () => bpf.monotonic(),
    kernelStruct: (name) => bpf.kernelStruct(name),
  });
  const fatal = fatalChecks.flatMap((check) => result.failed.get(check) ?? []);
  if (fatal.length) throw new UnsupportedError(schedulerUse, fatal);
  logResult(result, log);
  return { throttle_clock: result.throttleClock, self_test: summarize(result) };
}

function logResult({ failed, unchecked, took }: SelfTestResult, log: Logger): void {
  for (const [check, problem] of failed) log.warn({ check }, `Self-test failed: ${problem}.`);
  if (failed.size) return;
  const fields = { took_ms: Math.round(took / 1e6), ...Object.fromEntries(unchecked) };
  log.info(fields, unchecked.size ? 'Self-test passed as far as it could look.' : 'Self-test passed.');
}

/** The CPU the main thread is on: field 39 of `stat`, counted from behind the name, which may hold blanks. */
function currentCpu(): number | undefined {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const cpu = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[36]);
  return Number.isInteger(cpu) ? cpu : undefined;
}
