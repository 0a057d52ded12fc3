import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resource } from '../../../src/processors/resource.ts';
import { bySignal, signalNames } from '../../../src/telemetry/batch.ts';
import { batchWith, itemsIn } from '../batch-with.ts';
import { fakeHost } from '../fake-host.ts';

const open = (attributes: Parameters<typeof resource.open>[0]['attributes']) =>
  resource.open({ attributes }, fakeHost('resource').host);

for (const signal of signalNames)
  test(`resources of ${signal} change, and items do not`, async () => {
    const { process } = await open([{ key: 'name', action: 'update', value: 'new' }]);
    const batch = batchWith(signal, { old: ['a', 'b'] });
    assert.deepEqual(itemsIn(process(batch)), [
      { name: 'new', label: 'a' },
      { name: 'new', label: 'b' },
    ]);
    assert.deepEqual(itemsIn(batch)[0], { name: 'old', label: 'a' }, 'the batch itself is as it was');
  });

test('a batch in which nothing changes is the same', async () => {
  const { process } = await open([{ key: 'absent', action: 'delete' }]);
  for (const signal of signalNames) {
    const batch = batchWith(signal, { old: ['a'] });
    assert.equal(process(batch), batch);
  }
});

test('records go on sharing their resource', async () => {
  const { process } = await open([{ key: 'name', action: 'hash' }]);
  const batch = process(batchWith('logs', { old: ['a', 'b'] }));
  const resources = bySignal(batch, { logs: ({ records }) => records.map((record) => record.resource) });
  assert.equal(new Set(resources).size, 1);
});
