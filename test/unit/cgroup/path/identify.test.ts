import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { identifyPath } from '../../../../src/cgroup/path/identify.ts';
import type { PathIdentity } from '../../../../src/cgroup/path/path-identity.ts';
import { usualOr } from '../../../lab/thorough.ts';
import { id, layouts, outer, uid } from './cgroup-paths.ts';

for (const [group, rows] of Object.entries(layouts))
  for (const [origin, path, identity] of rows)
    test(`${group}: ${origin}: ${path}`, () => {
      assert.deepEqual(identifyPath(path), identity);
    });

const all = Object.values(layouts).flat();
const containers = all.filter(([, , { kind }]) => kind === 'container');
const containerOf = ({ kind, containerId, runtime }: PathIdentity) => ({ kind, containerId, runtime });

/** Names that mean something somewhere, and any other. */
const segment = fc.oneof(
  fc.string(),
  fc.constantFrom(...all.flatMap(([, path]) => path.split('/')).filter(Boolean)),
  fc.constantFrom(
    '..',
    ':::',
    '\\x2d',
    '\\x',
    `pod${uid}`,
    id,
    'app-',
    '.service',
    '@.service',
    'constructor',
  ),
);
const below = fc.array(
  segment.map((name) => name.replaceAll('/', '_')),
  { maxLength: 6 },
);

test('any path is identified, and no field of the result is empty', () => {
  fc.assert(
    fc.property(below, (segments) => {
      const identity = identifyPath(`/${segments.join('/')}`);
      const { kind, containerId, podUid, isHelper } = identity;
      assert.equal(kind === 'container', containerId !== undefined);
      assert.equal(kind === 'root', !segments.some(Boolean));
      assert.ok(kind !== 'pod' || podUid !== undefined);
      assert.ok(!isHelper || kind === 'service');
      for (const [key, value] of Object.entries(identity))
        assert.ok(value, `${key} is ${JSON.stringify(value)}`);
    }),
    { numRuns: usualOr(1000, 5000) },
  );
});

test('below a container, plain cgroups and units of an init inside are still that container', () => {
  const inside = fc.array(
    fc.constantFrom(
      'init',
      'init.scope',
      'system.slice',
      'nginx.service',
      'worker',
      'ns',
      'app.slice',
      '_',
      'user.slice',
    ),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(fc.constantFrom(...containers), inside, ([, path, identity], segments) => {
      assert.deepEqual(identifyPath([path, ...segments].join('/')), identity);
    }),
  );
});

test('of several containers in a path the last one wins, below any path', () => {
  const generated = containers.filter(([, , { containerId }]) => containerId === id);
  fc.assert(
    fc.property(below, fc.constantFrom(...generated), (above, [, path, identity]) => {
      const found = identifyPath(`/${above.join('/')}${path}`);
      assert.equal(found.kind, 'container');
      assert.equal(found.containerId, id);
      if (identity.podUid !== undefined) assert.equal(found.podUid, identity.podUid);
      if (identity.runtime !== undefined) assert.equal(found.runtime, identity.runtime);
    }),
  );
});

test('a path truncated above a pod or a prefixed container has the same identity', () => {
  for (const [origin, path, identity] of containers) {
    if (!identity.podUid || path.includes(outer)) continue;
    const segments = path.split('/').filter(Boolean);
    const from = segments.findLastIndex((name) => /pod[0-9a-f]{8}/.test(name));
    const cut = identifyPath(`/../${segments.slice(from).join('/')}`);
    assert.deepEqual(containerOf(cut), containerOf(identity), origin);
    assert.equal(cut.podUid, identity.podUid, origin);
  }
});

test('identification is deterministic and independent of extra slashes', () => {
  for (const [origin, path, identity] of all) {
    assert.deepEqual(identifyPath(`${path}/`), identity, origin);
    assert.deepEqual(identifyPath(path.replaceAll('/', '//')), identity, origin);
    assert.deepEqual(identifyPath(path.slice(1)), identity, origin);
  }
});

/** Names of cgroups are user input. Quadratic time would take minutes here. */
for (const [what, unit] of [
  ['dashes', 'a-'],
  ['prefixes', 'kubepods-'],
  ['pods', 'kubepods-burstable-pod'],
  ['hex digits', '3f'],
  ['ids', `-${id}`],
  ['escapes', '\\x2d'],
  ['half escapes', '\\x'],
  ['colons', ':a'],
  ['segments', '/a'],
  ['class segments', '/kubepods/burstable'],
  ['containers', `/docker/${outer}`],
  ['machines', 'machine-qemu-1-'],
  ['libvirt', 'qemu-1-a.libvirt-qem'],
  ['applications', '/user.slice/app-a-'],
] as const)
  test(`a path of 200,000 characters of ${what} is parsed in linear time`, () => {
    for (const end of ['', '.scope', '.slice', '.service']) {
      const path = `/${unit.repeat(Math.ceil(200_000 / unit.length))}${end}`;
      const begin = performance.now();
      identifyPath(path);
      const took = performance.now() - begin;
      assert.ok(took < 10_000, `${took} ms`);
    }
  });
