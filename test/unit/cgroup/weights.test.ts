import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroupWeights, openWeights } from '../../../src/cgroup/weights.ts';
import { FakeCgroups } from '../fake-cgroups.ts';
import { fakeHost } from '../fake-host.ts';

/** Weights of a machine that a test may change, the paths that were read, and the service's intervals. */
function fixture(weights: Record<string, number | 'none' | undefined>) {
  const read: string[] = [];
  const service = openWeights({
    weight(path) {
      read.push(path);
      if (path === '/forbidden') throw Object.assign(new Error('no'), { code: 'EACCES' });
      return weights[path];
    },
  });
  return {
    ...{ service, weights },
    /** Paths read since it was last called. */
    read: () => read.splice(0),
    async interval() {
      for (const task of service.tasks ?? []) await task.run(new AbortController().signal);
    },
  };
}

test('a weight is read at once when it is first asked for, and kept for an interval', async () => {
  const { service, weights, read, interval } = fixture({ '/a': 100, '/b': 'none' });
  assert.deepEqual(['/a', '/b', '/gone', '/a'].map(service.find), [100, 'none', undefined, 100]);
  assert.deepEqual(read(), ['/a', '/b', '/gone']);
  weights['/a'] = 300;
  assert.equal(service.find('/a'), 100);
  await interval();
  assert.equal(service.find('/a'), 300);
});

test('a removed cgroup keeps its last weight, one that cannot be read has none', async () => {
  const { service, weights, interval } = fixture({ '/a': 100 });
  assert.equal(service.find('/a'), 100);
  assert.equal(service.find('/forbidden'), undefined);
  weights['/a'] = undefined;
  await interval();
  assert.equal(service.find('/a'), 100);
  assert.equal(service.find('/forbidden'), undefined);
});

test('what is not asked for is not read, and forgotten after some intervals', async () => {
  const { service, weights, read, interval } = fixture({ '/a': 100 });
  service.find('/a');
  await interval();
  assert.deepEqual(read(), ['/a', '/a']);
  for (let i = 0; i < 6; i++) await interval();
  assert.deepEqual(read(), []);
  weights['/a'] = 300;
  assert.equal(service.find('/a'), 300);
});

test('of very many new cgroups the task reads those that `find` has no time for', async () => {
  const paths = Array.from({ length: 1500 }, (_, i) => `/${i}`);
  const { service, read, interval } = fixture(Object.fromEntries(paths.map((path) => [path, 100])));
  const known = () => paths.filter((path) => service.find(path) !== undefined).length;
  assert.equal(known(), 1024);
  assert.equal(read().length, 1024);
  await interval();
  assert.equal(known(), 1500);
});

test('the number of weights is bounded; the oldest goes first', async () => {
  const { service, read, interval } = fixture({});
  for (let i = 0; i <= 16_384; i++) service.find(`/${i}`);
  read();
  await interval();
  const kept = new Set(read());
  assert.equal(kept.size, 16_384);
  assert.ok(!kept.has('/0'));
});

test('where no cgroups are mounted all weights are unknown', async () => {
  const { host, closeServices } = fakeHost('any', undefined, new FakeCgroups());
  assert.equal((await host.use(cgroupWeights)).find('/a'), undefined);
  await closeServices();
});
