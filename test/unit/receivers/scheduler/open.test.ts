import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openScheduler } from '../../../../src/receivers/scheduler/open.ts';
import type { WantedOptions } from '../../../../src/receivers/scheduler/source.ts';
import { finishNow } from '../../../../src/receivers/scheduler/steps.ts';
import { cgroupId, milliseconds } from '../../../../src/telemetry/units.ts';
import { FakeBpf } from '../../fake-bpf.ts';
import { FakeCgroups } from '../../fake-cgroups.ts';
import { fakeHost } from '../../fake-host.ts';
import { waitingScheduler } from './waiting-scheduler.ts';

const options = { minWait: milliseconds(5), sample: 0, eventRate: 5 };

async function sizesWith(sizes: Partial<WantedOptions>) {
  const bpf = new FakeBpf({ scheduler: waitingScheduler() });
  const cgroups = new FakeCgroups();
  for (let i = 1n; i <= 600n; i++) cgroups.set(cgroupId(i), `/${i}`);
  const { host } = fakeHost('scheduler');
  const source = await openScheduler({ ...options, ...sizes }, { host: { ...host, bpf }, cgroups });
  source.close();
  const { constants, maxEntries } = bpf.opened[0] ?? {};
  return [constants?.slots, maxEntries?.pairs];
}

test('sizes that are not configured follow the living cgroups', async () => {
  assert.deepEqual(await sizesWith({}), [2048, 16_384]);
});

test('sizes that are configured are taken', async () => {
  assert.deepEqual(await sizesWith({ maxWorkloads: 64, maxPairs: 100 }), [64, 100]);
  assert.deepEqual(await sizesWith({ maxWorkloads: 1024 }), [1024, 16_384]);
});

test('an object that cannot be read is detached', async () => {
  const refuse = () => {
    throw new Error('cannot read cells');
  };
  const bpf = new FakeBpf({ scheduler: { maps: () => ({ cells: { copyColumns: refuse } }) } });
  const { host } = fakeHost('scheduler');
  const cgroups = new FakeCgroups();
  await assert.rejects(openScheduler(options, { host: { ...host, bpf }, cgroups }), /cannot read cells/);
  assert.deepEqual([[...bpf.attached], [...bpf.left]], [[], []]);
});

test('waits from before the start belong to no reading, and the start goes on in steps', async () => {
  let isWaiting = false;
  const between: boolean[] = [];
  const bpf = new FakeBpf({
    scheduler: {
      ...waitingScheduler(),
      *iterateInSteps() {
        for (let step = 0; step < 3; step++) {
          isWaiting = false;
          setImmediate(() => {
            isWaiting = true;
          });
          yield 1;
          between.push(isWaiting);
        }
      },
    },
  });
  const { host } = fakeHost('scheduler');
  const source = await openScheduler(options, { host: { ...host, bpf }, cgroups: new FakeCgroups() });
  assert.ok(between.length >= 3 && between.every(Boolean));
  const { cgroups } = finishNow(source.reading());
  source.close();
  assert.deepEqual(
    cgroups.map(({ wait }) => wait),
    [1000],
  );
});
