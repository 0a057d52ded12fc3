import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { BpfHost } from '../../../src/bpf/bpf.ts';
import { createBpfHost } from '../../../src/bpf/host.ts';
import { loadNative } from '../../../src/bpf/native.ts';
import { type Cgroups, cgroups } from '../../../src/cgroup/cgroups.ts';
import type { Running } from '../../../src/component.ts';
import { systemClock } from '../../../src/machine/clock.ts';
import { thisMachine } from '../../../src/machine/machine.ts';
import { cgroup } from '../../../src/receivers/cgroup/cgroup.ts';
import { cgroupEmits } from '../../../src/receivers/cgroup/emits.ts';
import { resourceAttributes } from '../../../src/telemetry/attributes/resource.ts';
import { seconds, type UnixNanoseconds } from '../../../src/telemetry/units.ts';
import { FakeBpf } from '../../unit/fake-bpf.ts';
import { fakeHost } from '../../unit/fake-host.ts';
import { bpf, makeCgroup, removeCgroups } from '../scheduler-fixture.ts';

/** The service that components share, on this machine and without any of them that needs eBPF. */

after(removeCgroups);

const settings = { keep_removed: seconds(600), max_cgroups: 16_384 };

async function open(on: { readonly bpf: BpfHost }): Promise<Cgroups & Running & { logged: string[] }> {
  const { host, logged } = fakeHost('cgroups');
  const service = await cgroups.open(
    {
      ...{ ...host, ...on, clock: systemClock, machine: thisMachine('/') },
      hostSettings: () => settings as never, // as the configuration decodes them
    },
    undefined,
  );
  return { ...service, logged };
}

const isLiving = (service: Cgroups, path: string) => [...service.living()].some((one) => one.path === path);

test('a receiver without eBPF has exact names: creations and removals without a scan', async () => {
  const service = await open({ bpf });
  try {
    const { host } = fakeHost('cgroup', cgroupEmits, service);
    const receiver = await cgroup.open(
      { interval: seconds(10), pressure: false, max_cgroups: 4096, include: [], exclude: [] },
      { ...host, clock: systemClock },
    );
    const parent = makeCgroup('served');
    const born = makeCgroup('born', { parent, quota: 50 });
    const [batch] = (await receiver.pulls?.[0]?.collect()) ?? [];
    assert.ok(batch?.signal === 'metrics');
    const ids = batch.resourceMetrics.map(
      ({ resource }) => resource.attributes[resourceAttributes.cgroupId.key],
    );
    assert.ok(ids.includes(String(born.id)));
    await removeCgroups();
    assert.ok(!isLiving(service, born.path));
    assert.equal(service.path(born.id, (BigInt(Date.now()) * 1_000_000n) as UnixNanoseconds), born.path);
  } finally {
    await service.close();
  }
});

test('idle cgroups have names from the start, and the agent knows its own cgroup', async () => {
  const { path } = makeCgroup('idle');
  const service = await open({ bpf });
  try {
    assert.ok(isLiving(service, path));
    assert.doesNotThrow(() => service.serials());
    assert.equal(service.own().kind, 'found');
    assert.deepEqual(
      service.tasks?.map(({ name }) => name),
      ['life-cycle'],
    );
  } finally {
    await service.close();
    await service.close();
  }
});

for (const { title, lacking, reason } of [
  {
    title: 'without the rights for eBPF',
    lacking: Object.assign(new FakeBpf(), { lacks: ['CAP_BPF is missing'] }),
    reason: /CAP_BPF is missing/,
  },
  {
    title: 'without the native addon',
    lacking: createBpfHost({ load: () => loadNative('/nonexistent/earshot.node') }),
    reason: /\/nonexistent\/earshot\.node is missing/,
  },
])
  test(`${title} scans find the cgroups, the log says so, and there are no serial numbers`, async () => {
    const { path } = makeCgroup('scanned');
    const service = await open({ bpf: lacking });
    assert.ok(isLiving(service, path));
    assert.throws(() => service.serials(), { code: 'UNSUPPORTED', message: reason });
    assert.deepEqual(service.tasks, []);
    assert.equal(service.logged.filter((line) => line.includes('scans of their directories')).length, 1);
    await service.close();
    await removeCgroups();
  });
