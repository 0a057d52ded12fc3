import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { identityCounters } from '../../../src/identity/emits.ts';
import type { SourceName } from '../../../src/identity/source.ts';
import { Directory } from '../../../src/identity/store.ts';
import { createCounters } from '../../../src/telemetry/counters.ts';
import { nanoseconds, seconds } from '../../../src/telemetry/units.ts';

function directoryOf(order: readonly SourceName[] = ['kubelet', 'cri'], limit = 100) {
  let now = 0;
  const counters = createCounters();
  const directory = new Directory({
    ...{ order, limit, counters, component: 'workload' },
    keepRemoved: seconds(60),
    elapsed: () => nanoseconds(now),
    keepAnnotation: (key) => key.startsWith('kept'),
  });
  return {
    directory,
    counters,
    of: (source: SourceName) => directory.factsOf(source),
    pass: (time: number) => {
      now += seconds(time);
      directory.sweep();
    },
  };
}

test('facts of several sources are put together field by field, the earlier in the order first', () => {
  const { directory, of } = directoryOf();
  of('cri').container({ id: 'c', name: 'from cri', runtime: 'containerd', podUid: 'p' });
  of('kubelet').container({ id: 'c', name: 'from kubelet', restartCount: 2 });
  assert.deepEqual(directory.container('c'), {
    ...{ id: 'c', name: 'from kubelet', runtime: 'containerd', podUid: 'p', restartCount: 2 },
  });
});

test('what a source says replaces what it said, whole', () => {
  const { directory, of } = directoryOf();
  of('cri').container({ id: 'c', name: 'a', restartCount: 1 });
  of('cri').container({ id: 'c', name: 'b' });
  assert.deepEqual(directory.container('c'), { id: 'c', name: 'b' });
});

test('annotations nobody needs are not kept', () => {
  const { directory, of } = directoryOf();
  of('cri').pod({
    uid: 'p',
    annotations: { kept: 'a', surplus: 'x'.repeat(1000) },
    labels: { surplus: 'b' },
  });
  assert.deepEqual(directory.pod('p'), { uid: 'p', annotations: { kept: 'a' }, labels: { surplus: 'b' } });
});

test('facts are the same object until something is said about them', () => {
  const { directory, of } = directoryOf();
  of('cri').container({ id: 'c' });
  of('cri').pod({ uid: 'p' });
  const [container, pod, revision] = [directory.container('c'), directory.pod('p'), directory.revision];
  of('cri').container({ id: 'other' });
  assert.equal(directory.container('c'), container);
  assert.equal(directory.pod('p'), pod);
  assert.notEqual(directory.revision, revision);
  of('cri').container({ id: 'c' });
  assert.notEqual(directory.container('c'), container);
});

test('what is gone keeps its facts for a while', () => {
  const { directory, of, pass } = directoryOf();
  of('cri').container({ id: 'c', name: 'app' });
  of('cri').pod({ uid: 'p' });
  of('cri').containerGone('c');
  of('cri').podGone('p');
  pass(59);
  assert.equal(directory.container('c')?.name, 'app');
  assert.ok(directory.pod('p'));
  pass(1);
  assert.equal(directory.container('c'), undefined);
  assert.equal(directory.pod('p'), undefined);
});

test('what comes back is not forgotten', () => {
  const { directory, of, pass } = directoryOf();
  of('cri').container({ id: 'c' });
  of('cri').containerGone('c');
  pass(30);
  of('cri').container({ id: 'c' });
  pass(3600);
  assert.ok(directory.container('c'));
});

test('as long as one source has it, it is not gone', () => {
  const { directory, of, pass } = directoryOf();
  of('cri').container({ id: 'c', name: 'app' });
  of('kubelet').container({ id: 'c' });
  of('cri').containerGone('c');
  pass(3600);
  assert.equal(directory.container('c')?.name, 'app', 'with what the other said');
  of('kubelet').containerGone('c');
  pass(60);
  assert.equal(directory.container('c'), undefined);
});

test('what a source did not say again in a list is gone, by that source alone', () => {
  const { directory, of, pass } = directoryOf();
  const cri = of('cri');
  cri.container({ id: 'old' });
  cri.container({ id: 'stays' });
  of('kubelet').container({ id: 'others' });
  cri.beginList();
  cri.container({ id: 'stays' });
  cri.endList();
  pass(60);
  assert.equal(directory.container('old'), undefined);
  assert.ok(directory.container('stays'));
  assert.ok(directory.container('others'));
});

test('a list that was cut takes nothing away', () => {
  const { directory, of, pass } = directoryOf();
  const cri = of('cri');
  cri.container({ id: 'a' });
  cri.container({ id: 'b' });
  cri.beginList();
  cri.container({ id: 'a' });
  pass(60);
  assert.ok(directory.container('b'));
  cri.beginList();
  cri.container({ id: 'b' });
  cri.endList();
  pass(60);
  assert.equal(directory.container('a'), undefined, 'the cut list does not count');
  assert.ok(directory.container('b'));
});

test('a static pod is found by its uid in the API and by the hash in its path', () => {
  const { directory, of } = directoryOf(['kubernetes', 'kubelet', 'cri']);
  of('cri').pod({ uid: 'hash', name: 'etcd-a' });
  of('kubernetes').pod({ uid: 'uid', configHash: 'hash', namespace: 'kube-system' });
  const both = { uid: 'uid', configHash: 'hash', name: 'etcd-a', namespace: 'kube-system' };
  assert.deepEqual(directory.pod('hash'), both);
  assert.deepEqual(directory.pod('uid'), both);
  assert.ok(directory.isPodSaidBy('cri', 'uid'));
  of('kubernetes').podGone('uid');
  assert.ok(directory.isPodSaidBy('cri', 'hash'));
});

test('the uid of a static pod that is forgotten leads to nobody, whoever knew the hash first', () => {
  const { directory, of, pass } = directoryOf(['cri', 'kubernetes']);
  of('cri').pod({ uid: 'hash', name: 'etcd-a' });
  of('kubernetes').pod({ uid: 'uid', configHash: 'hash' });
  of('cri').podGone('hash');
  of('kubernetes').podGone('uid');
  pass(61);
  of('cri').pod({ uid: 'hash', name: 'etcd-b' });
  assert.equal(directory.pod('uid'), undefined);
  assert.equal(directory.pod('hash')?.name, 'etcd-b');
});

test('regular containers of a pod are counted by name', () => {
  const { directory, of, pass } = directoryOf();
  const cri = of('cri');
  cri.container({ id: '1', name: 'app', podUid: 'p' });
  cri.container({ id: '2', name: 'app', podUid: 'p' });
  cri.container({ id: '3', name: 'setup', podUid: 'p', role: 'init' });
  cri.container({ id: '4', podUid: 'p', role: 'sandbox' });
  assert.equal(directory.containersIn('p'), 1);
  cri.container({ id: '5', name: 'proxy', podUid: 'p' });
  assert.equal(directory.containersIn('p'), 2);
  cri.containerGone('5');
  pass(60);
  assert.equal(directory.containersIn('p'), 1);
  assert.equal(directory.containersIn('nobody'), 0);
});

test('there is a bound: the ones gone longest make room first, and each is counted', () => {
  const { directory, of, counters, pass } = directoryOf(['cri'], 3);
  const cri = of('cri');
  for (const id of ['a', 'b', 'c']) cri.container({ id });
  cri.containerGone('b');
  pass(1);
  cri.containerGone('a');
  cri.container({ id: 'd' });
  assert.equal(directory.container('b'), undefined);
  cri.container({ id: 'e' });
  assert.equal(directory.container('a'), undefined);
  cri.container({ id: 'f' });
  assert.equal(directory.container('c'), undefined, 'nobody is gone: the one known longest');
  assert.deepEqual(
    counters.read().map(({ metric, attributes, value }) => [metric, attributes, value]),
    [[identityCounters.namesDropped, { component: 'workload', reason: 'containers' }, 3]],
  );
});

test('whatever sources say in whatever order, what the last complete list had is known and the bound holds', () => {
  const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  const step = fc.oneof(
    fc.record({ kind: fc.constant('say' as const), id: ids }),
    fc.record({ kind: fc.constant('gone' as const), id: ids }),
    fc.record({ kind: fc.constant('list' as const), ids: fc.uniqueArray(ids, { maxLength: 4 }) }),
    fc.record({ kind: fc.constant('pass' as const), time: fc.nat(100) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { directory, of, pass } = directoryOf(['cri'], 4);
      const cri = of('cri');
      let living = new Set<string>();
      for (const each of steps) {
        if (each.kind === 'say') {
          cri.container({ id: each.id });
          living.add(each.id);
        } else if (each.kind === 'gone') {
          cri.containerGone(each.id);
          living.delete(each.id);
        } else if (each.kind === 'pass') pass(each.time);
        else {
          cri.beginList();
          for (const id of each.ids) cri.container({ id });
          cri.endList();
          living = new Set(each.ids);
          for (const id of each.ids) assert.ok(directory.container(id));
        }
        assert.ok(['a', 'b', 'c', 'd', 'e', 'f'].filter((id) => directory.container(id)).length <= 4);
      }
      pass(61);
      const known = ['a', 'b', 'c', 'd', 'e', 'f'].filter((id) => directory.container(id));
      assert.ok(
        known.every((id) => living.has(id)),
        'what is gone long enough is forgotten',
      );
    }),
  );
});
