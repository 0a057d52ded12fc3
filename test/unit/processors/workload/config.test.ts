import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seconds } from '../../../../src/telemetry/units.ts';
import { fakeHost } from '../../fake-host.ts';
import { fixture, workloadSettings } from './fixture.ts';

test('by default all sources are used, data is held for seconds, and names outlive their pods', () => {
  const { sources, hold, keep_removed: keep, scope } = workloadSettings();
  assert.equal(sources, undefined);
  assert.equal(hold, seconds(3));
  assert.equal(keep, seconds(600));
  assert.equal(scope, 'node');
});

const mistakes: readonly [title: string, written: object, message: RegExp][] = [
  ['an unknown source', { sources: ['dockerd'] }, /dockerd.*did you mean "docker"/s],
  ['a source twice', { sources: ['cri', 'cri'] }, /sources: "cri" is there twice/],
  [
    'a rule about nothing',
    { include: [{}] },
    /include.*a rule needs a namespace, labels, annotations or a path/s,
  ],
  ['a key no rule has', { exclude: [{ pod: 'a' }] }, /unknown key "pod"/],
  ['a path that is none', { exclude: [{ path: 'kubepods' }] }, /a cgroup path begins with "\/"/],
  [
    'asking for what is left out',
    { include: [{ namespace: 'a' }], exclude: [{ namespace: 'a' }] },
    /include.*the same rule is in "exclude"/s,
  ],
  [
    'names of neighbors for a node agent',
    { neighbors: 'named' },
    /neighbors: a node agent names all workloads/,
  ],
  ['a pod that is none', { scope: 'pod', pod_uid: 'my-pod' }, /pod_uid: "my-pod" is no uid of a pod/],
  [
    'a label without a key',
    { extract: { labels: [{ tag_name: 'x' }] } },
    /needs either "key" or "key_regex"/,
  ],
  [
    'a label with both',
    { extract: { labels: [{ key: 'a', key_regex: 'a' }] } },
    /needs either "key" or "key_regex"/,
  ],
  [
    'half an expression',
    { extract: { annotations: [{ key_regex: '(' }] } },
    /"key_regex" is no regular expression/,
  ],
  [
    'a name that has a meaning',
    { extract: { labels: [{ key: 'a', tag_name: 'earshot.cause' }] } },
    /"tag_name" must not begin with "earshot\."/,
  ],
  ['holding for ever', { hold: '1h' }, /must be at most 1m/],
];
for (const [title, written, message] of mistakes)
  test(`refused: ${title}`, () => {
    assert.throws(() => workloadSettings(written), message);
  });

test('a source that cannot be opened closes the others', async () => {
  const { identities } = await import('../../../../src/identity/identities.ts');
  const { host } = await fixture();
  let closed = 0;
  const open = identities.open(host, {
    config: workloadSettings({ sources: ['cri', 'docker'] }),
    hold: seconds(3),
    keepAnnotation: () => true,
    openSource: (name) => {
      if (name === 'docker') throw new Error('no');
      const state = 'ready' as const;
      return {
        name,
        state,
        reason: undefined,
        tick() {},
        requestLookup() {},
        close: async () => void closed++,
      };
    },
  });
  await assert.rejects(open, /no/);
  assert.equal(closed, 1);
});

test('pipelines of metrics and logs share one service, closed after them', async () => {
  const { openWorkload } = await import('../../../../src/processors/workload/workload.ts');
  const { host } = fakeHost('workload');
  let opened = 0;
  for (let i = 0; i < 2; i++)
    await openWorkload(workloadSettings({ sources: ['cri'] }), host, () => {
      opened += 1;
      return undefined;
    });
  assert.equal(opened, 1);
});
