import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { readFrom, watchSchedulingModes } from '../../../src/receivers/scheduler/scheduling-modes.ts';
import {
  type Account,
  account,
  makeCgroup,
  openScheduler,
  program,
  removeCgroups,
  runIn,
  spin,
  type TestCgroup,
} from '../../kernel/scheduler-fixture.ts';

const seconds = 4;
const skip = !existsSync('/sys/kernel/sched_ext') && 'the kernel has no sched_ext (6.18)';
const read = readFrom((path) => path);

function bpftool(...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync('bpftool', ['-d', 'struct_ops', ...args], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`cannot ${args[0]} the BPF scheduler: ${stderr}${stdout}`);
}

describe('under a BPF scheduler with one queue for all CPUs', { skip }, () => {
  const warned: unknown[] = [];
  const log = { warn: (fields: object) => void warned.push(fields), info() {} };
  let look: ReturnType<typeof watchSchedulingModes>;

  before(() => {
    look = watchSchedulingModes(read, log);
    bpftool('register', program('test/ext.bpf.o'));
    assert.equal(read('/sys/kernel/sched_ext/state'), 'enabled');
  });
  after(async () => {
    if (read('/sys/kernel/sched_ext/state') === 'enabled') bpftool('unregister', 'name', 'earshot_fifo');
    await removeCgroups();
  });

  test('waits that are moved to another CPU are unknown, and have no culprit', async (context) => {
    const { total, victim, hogs } = await contend('ext');
    const { classes, wait } = total.of(victim);
    const named = total.blamed(victim, 'other');
    context.diagnostic(
      `waited ${wait}: ${JSON.stringify(classes)}, named ${named}, by hogs ${total.pair(victim, hogs).other}; ${JSON.stringify(total.drops)}`,
    );
    assert.ok((total.drops.ext_moved ?? 0) > 0);
    assert.ok(classes.unknown > 0);
    assert.ok(named <= classes.other, `${named} of ${classes.other} are named`);
  });

  test('the BPF scheduler is named', () => {
    assert.deepEqual(look({}), { ext: 'earshot_fifo' });
    assert.deepEqual(warned, [{ ext: 'earshot_fifo' }]);
  });

  test('after it has gone nothing is unknown for its sake', async () => {
    bpftool('unregister', 'name', 'earshot_fifo');
    const { total, victim } = await contend('fair');
    assert.equal(total.drops.ext_moved, undefined);
    assert.ok(total.of(victim).classes.unknown < total.of(victim).wait / 100);
    assert.deepEqual(look({}), {});
  });
});

/** More threads than CPUs, in two cgroups. */
async function contend(name: string): Promise<{ total: Account; victim: TestCgroup; hogs: TestCgroup }> {
  const victim = makeCgroup(`${name}-victim`);
  const hogs = makeCgroup(`${name}-hogs`);
  const source = openScheduler();
  try {
    const total = await account(source, () =>
      Promise.all([
        runIn(victim, spin(seconds, availableParallelism(), 2, 3)),
        runIn(hogs, spin(seconds, availableParallelism() + 1)),
      ]),
    );
    return { total, victim, hogs };
  } finally {
    source.close();
  }
}
