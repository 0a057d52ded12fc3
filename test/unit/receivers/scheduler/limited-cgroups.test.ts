import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countLimited } from '../../../../src/receivers/scheduler/limited-cgroups.ts';
import { milliseconds, nanoseconds } from '../../../../src/telemetry/units.ts';

const paths = ['/', '/a', '/a/b', '/a/b/c', '/ab', '/d'];
const quota = { quota: milliseconds(50), period: milliseconds(100), burst: nanoseconds(0) };

test('a cgroup is limited by its own quota or by one above', () => {
  const cpu = (path: string) => (path === '/a/b' ? { quota } : path === '/d' ? undefined : {});
  assert.equal(countLimited(paths, { cpu }), 2);
});

test('a cgroup whose files cannot be read counts as limited, all count where there are no files', () => {
  const cpu = (path: string) => {
    if (path === '/a') throw new Error('not permitted');
    return {};
  };
  assert.equal(countLimited(paths, { cpu }), 3);
  assert.equal(countLimited(paths, undefined), 6);
});
