import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseThreadCount, readThreadCount } from '../../../src/machine/thread-count.ts';

test('the threads of the machine are the second number of the pair', () => {
  assert.equal(parseThreadCount('0.20 0.18 0.12 1/80123 11206\n'), 80_123);
});

test('a text of another form has no number', () => {
  for (const text of ['', '0.20 0.18', 'a b c d/e f']) assert.equal(parseThreadCount(text), undefined);
});

test('a file that cannot be read has no number', () => {
  assert.equal(readThreadCount('/nonexistent/loadavg'), undefined);
});
