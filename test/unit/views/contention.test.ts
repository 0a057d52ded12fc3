import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attributes } from '@opentelemetry/api';
import { culpritAttributes } from '../../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../../src/telemetry/attributes/resource.ts';
import type { Cause } from '../../../src/telemetry/attributes/wait.ts';
import { workloadAttributes } from '../../../src/telemetry/attributes/workload.ts';
import { resource, resourceMetrics, sum } from '../../../src/telemetry/metrics/build.ts';
import { waitMetrics } from '../../../src/telemetry/metrics/wait.ts';
import { screenOf } from '../../../src/views/contention.ts';
import { culprit, interval, named, others, screen, type Waiting, workload } from './workloads.ts';

test('a batch without metrics of waiting makes no screen', () => {
  assert.equal(screenOf([]), undefined);
  const other = sum({ ...waitMetrics.runTime, name: 'other.time' }, interval, [{ value: 1 }]);
  assert.equal(screenOf([resourceMetrics(resource({}), [other])]), undefined);
});

test('workloads of one name are distinguished by their container', () => {
  const twin = (id: string) =>
    workload({
      of: { ...named('web'), [workloadAttributes.containerId.key]: id.repeat(64) },
      run: 1,
      waits: { self: 1 },
    });
  assert.deepEqual(
    screen([twin('a'), twin('b')]).rows.map(({ name }) => name),
    ['web (aaaaaaaaaaaa)', 'web (bbbbbbbbbbbb)'],
  );
});

const namesOf = (all: readonly Attributes[]) =>
  screen(all.map((of) => workload({ of, run: 1, waits: { self: 1 } }))).rows.map(({ name }) => name);

test('cgroups of one container are distinguished by their path', () => {
  const container = { ...named('web'), [workloadAttributes.containerId.key]: 'a'.repeat(64) };
  const at = (path: string, id: string) => ({
    ...container,
    [resourceAttributes.cgroupPath.key]: path,
    [resourceAttributes.cgroupId.key]: id,
  });
  assert.deepEqual(namesOf([at('/docker/a', '1'), at('/docker/a/worker', '2')]), ['web (a)', 'web (worker)']);
  assert.deepEqual(namesOf([at('/x/init', '1'), at('/y/init', '2')]), ['web (/x/init)', 'web (/y/init)']);
  assert.deepEqual(namesOf([at('/x', '1'), at('/x', '2')]), ['web (1)', 'web (2)']);
});

const mainCulprit = (waiting: Omit<Waiting, 'of' | 'run'>) =>
  screen([workload({ of: named('victim'), run: 1, ...waiting })]).rows[0]?.culprit;

test('the main culprit has the largest sum over all causes', () => {
  const blame = [
    ['neighbor', culprit('b'), 0.4],
    ['sibling', culprit('b'), 0.4],
    ['neighbor', culprit('c'), 0.6],
  ] as const;
  assert.deepEqual(mainCulprit({ waits: { neighbor: 1, sibling: 0.6, self: 0.4 }, blame }), {
    name: 'b',
    share: 0.4,
  });
});

test('the rest without a name is no culprit, however large', () => {
  const blame = [
    ['neighbor', others, 0.9],
    ['neighbor', culprit('b'), 0.1],
  ] as const;
  assert.equal(mainCulprit({ waits: { neighbor: 1 }, blame })?.name, 'b');
});

test('time blamed on a named culprit is not counted for its cause again', () => {
  const waits = { throttled_ancestor: 1 };
  const blame = [['throttled_ancestor', culprit('a.slice'), 0.6]] as const;
  assert.deepEqual(mainCulprit({ waits, blame }), { name: 'CPU limit of a.slice', share: 0.6 });
  assert.deepEqual(mainCulprit({ waits: { unknown: 1 }, blame: [['unknown', others, 1]] }), undefined);
});

test('wait without a culprit has the word of its cause', () => {
  const words = (['self', 'throttled', 'idle', 'irq', 'steal', 'unknown'] as const).map(
    (cause) => mainCulprit({ waits: { [cause]: 1 } })?.name,
  );
  assert.deepEqual(words, [
    'itself',
    'own CPU limit',
    'none (CPU idle)',
    'interrupts',
    'the hypervisor',
    'unknown',
  ]);
});

test('culprits with a hidden name have the word of their cause', () => {
  const kind = (name: string) => ({ [culpritAttributes.kind.key]: name });
  const name = (cause: Cause, of: string) =>
    mainCulprit({ waits: { [cause]: 1 }, blame: [[cause, kind(of), 1]] })?.name;
  assert.equal(name('neighbor', 'container'), 'neighbors');
  assert.equal(name('system', 'service'), 'system services');
});

test('a quota is blamed as a limit, by name where it is not the workload’s own', () => {
  const slice = culprit('kubepods.slice');
  assert.equal(
    mainCulprit({ waits: { throttled: 1 }, blame: [['throttled', slice, 1]] })?.name,
    'own CPU limit',
  );
  assert.equal(
    mainCulprit({ waits: { throttled_ancestor: 1 }, blame: [['throttled_ancestor', slice, 1]] })?.name,
    'CPU limit of kubepods.slice',
  );
});
