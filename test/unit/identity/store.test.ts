import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { identityCounters } from '../../../src/identity/emits.ts';
import type { SourceName } from '../../../src/identity/source.ts';
import { IdentityStore } from '../../../src/identity/store.ts';
import { createCounters } from '../../../src/telemetry/counters.ts';
import { nanoseconds, seconds } from '../../../src/telemetry/units.ts';

function storeOf(order: readonly SourceName[] = ['kubelet', 'cri'], limit = 100) {
  let now = 0;
  const counters = createCounters();
  const store = new IdentityStore({
    ...{ order, limit, counters, component: 'workload' },
    keepRemoved: seconds(60),
    elapsed: () => nanoseconds(now),
    keepAnnotation: (key) => key.startsWith('kept'),
  });
  return {
    store,
    counters,
    of: (source: SourceName) => store.sinkOf(source),
    pass: (time: number) => {
      now += seconds(time);
      store.sweep();
    },
  };
}

test('facts of several sources are put together field by field, the earlier in the order first', () => {
  const { store, of } = storeOf();
  of('cri').upsertContainer({ id: 'c', name: 'from cri', runtime: 'containerd', podUid: 'p' });
  of('kubelet').upsertContainer({ id: 'c', name: 'from kubelet', restartCount: 2 });
  assert.deepEqual(store.container('c'), {
    ...{ id: 'c', name: 'from kubelet', runtime: 'containerd', podUid: 'p', restartCount: 2 },
  });
});

test("an update replaces the source's former facts as a whole", () => {
  const { store, of } = storeOf();
  of('cri').upsertContainer({ id: 'c', name: 'a', restartCount: 1 });
  of('cri').upsertContainer({ id: 'c', name: 'b' });
  assert.deepEqual(store.container('c'), { id: 'c', name: 'b' });
});

test('unneeded annotations are not kept', () => {
  const { store, of } = storeOf();
  of('cri').upsertPod({
    uid: 'p',
    annotations: { kept: 'a', surplus: 'x'.repeat(1000) },
    labels: { surplus: 'b' },
  });
  assert.deepEqual(store.pod('p'), { uid: 'p', annotations: { kept: 'a' }, labels: { surplus: 'b' } });
});

test('facts are the same object until their next update', () => {
  const { store, of } = storeOf();
  of('cri').upsertContainer({ id: 'c' });
  of('cri').upsertPod({ uid: 'p' });
  const [container, pod, revision] = [store.container('c'), store.pod('p'), store.revision];
  of('cri').upsertContainer({ id: 'other' });
  assert.equal(store.container('c'), container);
  assert.equal(store.pod('p'), pod);
  assert.notEqual(store.revision, revision);
  of('cri').upsertContainer({ id: 'c' });
  assert.notEqual(store.container('c'), container);
});

test('removed entries keep their facts for keep_removed', () => {
  const { store, of, pass } = storeOf();
  of('cri').upsertContainer({ id: 'c', name: 'app' });
  of('cri').upsertPod({ uid: 'p' });
  of('cri').markContainerGone('c');
  of('cri').markPodGone('p');
  pass(59);
  assert.equal(store.container('c')?.name, 'app');
  assert.ok(store.pod('p'));
  pass(1);
  assert.equal(store.container('c'), undefined);
  assert.equal(store.pod('p'), undefined);
});

test('a returning entry is not evicted', () => {
  const { store, of, pass } = storeOf();
  of('cri').upsertContainer({ id: 'c' });
  of('cri').markContainerGone('c');
  pass(30);
  of('cri').upsertContainer({ id: 'c' });
  pass(3600);
  assert.ok(store.container('c'));
});

test('an entry is live as long as one source has it', () => {
  const { store, of, pass } = storeOf();
  of('cri').upsertContainer({ id: 'c', name: 'app' });
  of('kubelet').upsertContainer({ id: 'c' });
  of('cri').markContainerGone('c');
  pass(3600);
  assert.equal(store.container('c')?.name, 'app', 'with the facts of the other source');
  of('kubelet').markContainerGone('c');
  pass(60);
  assert.equal(store.container('c'), undefined);
});

test("an entry missing in a source's list is gone for that source alone", () => {
  const { store, of, pass } = storeOf();
  const cri = of('cri');
  cri.upsertContainer({ id: 'old' });
  cri.upsertContainer({ id: 'stays' });
  of('kubelet').upsertContainer({ id: 'others' });
  cri.beginList();
  cri.upsertContainer({ id: 'stays' });
  cri.endList();
  pass(60);
  assert.equal(store.container('old'), undefined);
  assert.ok(store.container('stays'));
  assert.ok(store.container('others'));
});

test('an incomplete list removes nothing', () => {
  const { store, of, pass } = storeOf();
  const cri = of('cri');
  cri.upsertContainer({ id: 'a' });
  cri.upsertContainer({ id: 'b' });
  cri.beginList();
  cri.upsertContainer({ id: 'a' });
  pass(60);
  assert.ok(store.container('b'));
  cri.beginList();
  cri.upsertContainer({ id: 'b' });
  cri.endList();
  pass(60);
  assert.equal(store.container('a'), undefined, 'the cut list does not count');
  assert.ok(store.container('b'));
});

test('a static pod is found by its uid in the API and by the hash in its path', () => {
  const { store, of } = storeOf(['kubernetes', 'kubelet', 'cri']);
  of('cri').upsertPod({ uid: 'hash', name: 'etcd-a' });
  of('kubernetes').upsertPod({ uid: 'uid', configHash: 'hash', namespace: 'kube-system' });
  const both = { uid: 'uid', configHash: 'hash', name: 'etcd-a', namespace: 'kube-system' };
  assert.deepEqual(store.pod('hash'), both);
  assert.deepEqual(store.pod('uid'), both);
  assert.ok(store.isPodKnownTo('cri', 'uid'));
  of('kubernetes').markPodGone('uid');
  assert.ok(store.isPodKnownTo('cri', 'hash'));
});

test('the uid of an evicted static pod finds no later pod of that hash', () => {
  const { store, of, pass } = storeOf(['cri', 'kubernetes']);
  of('cri').upsertPod({ uid: 'hash', name: 'etcd-a' });
  of('kubernetes').upsertPod({ uid: 'uid', configHash: 'hash' });
  of('cri').markPodGone('hash');
  of('kubernetes').markPodGone('uid');
  pass(61);
  of('cri').upsertPod({ uid: 'hash', name: 'etcd-b' });
  assert.equal(store.pod('uid'), undefined);
  assert.equal(store.pod('hash')?.name, 'etcd-b');
});

test('regular containers of a pod are counted by name', () => {
  const { store, of, pass } = storeOf();
  const cri = of('cri');
  cri.upsertContainer({ id: '1', name: 'app', podUid: 'p' });
  cri.upsertContainer({ id: '2', name: 'app', podUid: 'p' });
  cri.upsertContainer({ id: '3', name: 'setup', podUid: 'p', role: 'init' });
  cri.upsertContainer({ id: '4', podUid: 'p', role: 'sandbox' });
  assert.equal(store.containersIn('p'), 1);
  cri.upsertContainer({ id: '5', name: 'proxy', podUid: 'p' });
  assert.equal(store.containersIn('p'), 2);
  cri.markContainerGone('5');
  pass(60);
  assert.equal(store.containersIn('p'), 1);
  assert.equal(store.containersIn('unknown'), 0);
});

test('the limit evicts entries gone longest first, and counts each', () => {
  const { store, of, counters, pass } = storeOf(['cri'], 3);
  const cri = of('cri');
  for (const id of ['a', 'b', 'c']) cri.upsertContainer({ id });
  cri.markContainerGone('b');
  pass(1);
  cri.markContainerGone('a');
  cri.upsertContainer({ id: 'd' });
  assert.equal(store.container('b'), undefined);
  cri.upsertContainer({ id: 'e' });
  assert.equal(store.container('a'), undefined);
  cri.upsertContainer({ id: 'f' });
  assert.equal(store.container('c'), undefined, 'none is gone: the least recently updated');
  assert.deepEqual(
    counters.read().map(({ metric, attributes, value }) => [metric, attributes, value]),
    [[identityCounters.namesDropped, { component: 'workload', reason: 'containers' }, 3]],
  );
});

test('for any order of updates the last complete list is known and the limit holds', () => {
  const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  const step = fc.oneof(
    fc.record({ kind: fc.constant('say' as const), id: ids }),
    fc.record({ kind: fc.constant('gone' as const), id: ids }),
    fc.record({ kind: fc.constant('list' as const), ids: fc.uniqueArray(ids, { maxLength: 4 }) }),
    fc.record({ kind: fc.constant('pass' as const), time: fc.nat(100) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { store, of, pass } = storeOf(['cri'], 4);
      const cri = of('cri');
      let living = new Set<string>();
      for (const each of steps) {
        if (each.kind === 'say') {
          cri.upsertContainer({ id: each.id });
          living.add(each.id);
        } else if (each.kind === 'gone') {
          cri.markContainerGone(each.id);
          living.delete(each.id);
        } else if (each.kind === 'pass') pass(each.time);
        else {
          cri.beginList();
          for (const id of each.ids) cri.upsertContainer({ id });
          cri.endList();
          living = new Set(each.ids);
          for (const id of each.ids) assert.ok(store.container(id));
        }
        assert.ok(['a', 'b', 'c', 'd', 'e', 'f'].filter((id) => store.container(id)).length <= 4);
      }
      pass(61);
      const known = ['a', 'b', 'c', 'd', 'e', 'f'].filter((id) => store.container(id));
      assert.ok(
        known.every((id) => living.has(id)),
        'what is gone long enough is forgotten',
      );
    }),
  );
});
