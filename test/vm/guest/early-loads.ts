import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Account,
  account,
  endLoad,
  type Load,
  longestLoad,
  makeCgroup,
  openScheduler,
  spin,
  startIn,
  type TestCgroup,
} from '../../kernel/scheduler-fixture.ts';
import { stopProcess } from '../../lab/threads.ts';

const second = 1e9;
const measuredMs = 5000;

/** A cgroup whose load is there before the scheduler programs are. */
export interface Early {
  readonly cgroup: TestCgroup;
  readonly load: Load;
}

/** What the kernel says at one moment. */
export interface Moment {
  readonly at: number;
  readonly ran: ReadonlyMap<TestCgroup, number>;
  readonly throttled: number;
}

/** From and to: what was measured begins and ends between the two moments of each. */
export interface EarlyLoads {
  readonly total: Account;
  readonly begin: readonly [Moment, Moment];
  readonly end: readonly [Moment, Moment];
  /** When the sleepers were woken up. */
  readonly woken: number;
  readonly victim: TestCgroup;
  readonly hog: TestCgroup;
  readonly starving: TestCgroup;
  readonly sleepers: TestCgroup;
  readonly neighbor: TestCgroup;
  readonly superior: TestCgroup;
  readonly limited: TestCgroup;
  readonly fair: TestCgroup;
  readonly realTime: TestCgroup;
}

export const sleeperThreads = 3;

export async function start(cgroup: TestCgroup, command: readonly string[], cpu: number): Promise<Early> {
  const load = startIn(cgroup, command, cpu);
  await until(() => cgroup.ran() > 0.05 * second && isNamed(load.pid, 'spin'));
  return { cgroup, load };
}

export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(20);
}

const isNamed = (pid: number, name: string) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === name;

/**
 * CPU 0: threads that always want to run, one of them starving, and sleepers. CPU 1: a thread whose quota has run out most
 * of the time, one of the same quota in real time, and what both wait for.
 */
export async function measureEarlyLoads(): Promise<EarlyLoads> {
  const limited = makeCgroup('limited');
  const starving = await start(makeCgroup('starving', { weak: true }), spin(longestLoad, 1), 0);
  const sleepers = await start(makeCgroup('sleepers'), spin(longestLoad, sleeperThreads), 0);
  await stopProcess(sleepers.load.pid);
  const fair = await start(makeCgroup('fair', { parent: limited }), spin(longestLoad, 1), 1);
  const realTime = await start(
    makeCgroup('real-time', { parent: limited }),
    spin(longestLoad, 1, 2000, 8000, 5),
    1,
  );
  const superior = await start(makeCgroup('superior'), spin(longestLoad, 1, 3000, 7000, 10), 1);
  const neighbor = await start(makeCgroup('neighbor'), spin(longestLoad, 1), 1);
  const victim = await start(makeCgroup('victim'), spin(longestLoad, 1), 0);
  const hog = await start(makeCgroup('hog'), spin(longestLoad, 2), 0);
  const all = [starving, sleepers, fair, realTime, superior, neighbor, victim, hog];
  writeFileSync(join(limited.directory, 'cpu.max'), '5000 100000');
  await until(() => limited.throttled() > 0);

  const moment = (): Moment => ({
    at: Number(process.hrtime.bigint()),
    ran: new Map(all.map(({ cgroup }) => [cgroup, cgroup.ran()])),
    throttled: limited.throttled(),
  });
  const source = openScheduler();
  try {
    const early = moment();
    let late = early;
    let woken = Number.NaN;
    let told = early;
    const total = await account(source, async () => {
      late = moment();
      await sleep(measuredMs / 5);
      woken = Number(process.hrtime.bigint());
      sleepers.load.signal('SIGCONT');
      await sleep(measuredMs);
      told = moment();
      await Promise.all(all.map(({ load }) => endLoad(load)));
    });
    assert.equal(total.drops.switch_lost ?? 0, 0, 'a switch was not seen');
    return {
      ...{ total, begin: [early, late], end: [told, moment()], woken, limited },
      ...{ victim: victim.cgroup, hog: hog.cgroup, starving: starving.cgroup, sleepers: sleepers.cgroup },
      ...{ neighbor: neighbor.cgroup, superior: superior.cgroup },
      ...{ fair: fair.cgroup, realTime: realTime.cgroup },
    };
  } finally {
    source.close();
  }
}
