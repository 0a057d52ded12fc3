import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathFilter } from '../../../src/cgroup/filter.ts';

const cases = [
  { title: 'no pattern: everything', include: [], exclude: [], passes: ['/', '/a/b'], stops: [] },
  {
    title: 'a pattern and everything below it',
    include: ['/a'],
    exclude: [],
    passes: ['/a', '/a/b', '/a/b/c'],
    stops: ['/', '/ab', '/b/a'],
  },
  {
    title: '`*` within a segment',
    include: ['/system.slice/docker-*.scope'],
    exclude: [],
    passes: ['/system.slice/docker-1.scope', '/system.slice/docker-1.scope/init'],
    stops: ['/system.slice/docker-1/2.scope', '/system.slice/cron.service'],
  },
  {
    title: '`**` across segments',
    include: ['/**/worker'],
    exclude: [],
    passes: ['/a/worker', '/a/b/worker/c'],
    stops: ['/worker', '/a/workers'],
  },
  {
    title: 'exclude goes before include',
    include: ['/a'],
    exclude: ['/a/b'],
    passes: ['/a', '/a/c'],
    stops: ['/a/b', '/a/b/c'],
  },
  { title: 'exclude alone', include: [], exclude: ['/a'], passes: ['/b', '/ab'], stops: ['/a'] },
  { title: 'a slash at the end', include: ['/a/'], exclude: [], passes: ['/a', '/a/b'], stops: ['/ab'] },
  {
    title: 'characters a regular expression would take otherwise',
    include: ['/a.b+(c)'],
    exclude: [],
    passes: ['/a.b+(c)'],
    stops: ['/axb+(c)', '/a.bb(c)'],
  },
  { title: 'the root: everything', include: ['/'], exclude: [], passes: ['/', '/a'], stops: [] },
];
for (const { title, include, exclude, passes, stops } of cases)
  test(title, () => {
    const isWanted = pathFilter(include, exclude);
    for (const path of passes) assert.equal(isWanted(path), true, `${path} passes`);
    for (const path of stops) assert.equal(isWanted(path), false, `${path} does not`);
  });

test('a cgroup without a known path passes unless `include` is set', () => {
  assert.equal(pathFilter([], ['/a'])(undefined), true);
  assert.equal(pathFilter(['/a'], [])(undefined), false);
});
