import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { milliseconds } from '../../../src/telemetry/units.ts';
import {
  account,
  bpf,
  makeCgroup,
  openScheduler,
  removeCgroups,
  runIn,
  spin,
} from '../../kernel/scheduler-fixture.ts';

const read = (file: string) => readFileSync(`/sys/devices/system/cpu/${file}`, 'utf8').trim();
const setOnline = (cpu: number, isOnline: boolean) =>
  writeFileSync(`/sys/devices/system/cpu/cpu${cpu}/online`, isOnline ? '1' : '0');

const seconds = 3;

describe('CPUs that come and go', () => {
  after(async () => {
    if (read('online') !== read('present')) setOnline(1, true);
    await removeCgroups();
  });

  test('there is a row for each CPU that can ever be, present or not', () => {
    const last = Number(read('possible').split(/[,-]/).at(-1));
    assert.ok(bpf.cpuRows() >= last + 1, `${bpf.cpuRows()} rows, CPUs ${read('possible')}`);
  });

  test('a CPU that is offline is not idle, and its history ends', async (context) => {
    const source = openScheduler({ minWait: milliseconds(2), eventRate: 1000 });
    try {
      await sleep(200); // CPU 1 is idle for a time
      setOnline(1, false);
      assert.equal(read('online'), '0');
      const victim = makeCgroup('victim');
      const hog = makeCgroup('hog');
      const total = await account(source, () =>
        Promise.all([runIn(victim, spin(seconds, 1)), runIn(hog, spin(seconds, 2))]),
      );
      const waits = total.waits.filter(({ cgroup }) => cgroup === victim.id);
      const idle = waits.filter(({ idleCpu }) => idleCpu.time > 0);
      context.diagnostic(
        `${waits.length} waits, idle elsewhere: ${JSON.stringify(idle.slice(0, 3).map(({ idleCpu }) => idleCpu))}; ${JSON.stringify(total.drops)}`,
      );
      assert.ok(waits.length > 10);
      assert.equal(idle.length, 0);
      const { classes, wait } = total.of(victim);
      assert.ok(classes.other > wait * 0.9, JSON.stringify(classes));
    } finally {
      source.close();
    }
  });

  test('a CPU that is online again is measured again', async (context) => {
    const source = openScheduler();
    try {
      for (let time = 0; time < 3; time++) {
        setOnline(1, true);
        await sleep(100);
        setOnline(1, false);
        await sleep(100);
      }
      setOnline(1, true);
      const a = makeCgroup('a');
      const b = makeCgroup('b');
      const total = await account(source, () =>
        Promise.all([runIn(a, spin(seconds, 1), 1), runIn(b, spin(seconds, 1), 1)]),
      );
      const { classes, wait } = total.of(a);
      context.diagnostic(`${wait}: ${JSON.stringify(classes)}; ${JSON.stringify(total.drops)}`);
      assert.ok(classes.other > wait * 0.9, JSON.stringify(classes));
      // The guest's own processes have the CPU as well, and the two need not start together.
      const { run } = total.of(b);
      const behind = total.pair(a, b).other;
      assert.ok(
        behind > 0 && behind > 0.5 * Math.min(run, wait),
        `${behind} of ${wait}, the other ran ${run}`,
      );
      assert.ok(behind < 1.02 * run, `${behind} behind one that ran ${run}`);
      assert.equal(total.drops.switch_lost ?? 0, 0);
      assert.equal(total.drops.switch_missed ?? 0, 0);
    } finally {
      source.close();
    }
  });
});
