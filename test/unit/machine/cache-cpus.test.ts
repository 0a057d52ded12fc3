import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCacheCpus, readCacheCpus } from '../../../src/machine/cache-cpus.ts';

test('neighbours of a cache are the first range of its CPUs', () => {
  assert.equal(parseCacheCpus('0-7,128-135\n'), 8);
  assert.equal(parseCacheCpus('0-63\n'), 64);
});

test('where CPUs of one cache do not lie side by side, each is alone', () => {
  assert.equal(parseCacheCpus('0,2,4,6\n'), 1);
  assert.equal(parseCacheCpus('0\n'), 1);
});

test('an empty text has no number', () => {
  assert.equal(parseCacheCpus('\n'), undefined);
});

test('a file that cannot be read has no number', () => {
  assert.equal(readCacheCpus('/nonexistent/shared_cpu_list'), undefined);
});
