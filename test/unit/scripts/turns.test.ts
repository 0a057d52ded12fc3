import assert from 'node:assert/strict';
import { test } from 'node:test';
import { takeTurns } from '../../../scripts/turns.ts';

test("texts of the first task come at once, those of the others when it is their task's turn", () => {
  const written: string[] = [];
  const [first, second, third] = takeTurns(3, (text) => written.push(text));
  second?.write('2a');
  first?.write('1a');
  third?.write('3a');
  third?.end();
  assert.deepEqual(written, ['1a']);
  first?.end();
  assert.deepEqual(written, ['1a', '2a']);
  second?.write('2b');
  second?.end();
  assert.deepEqual(written, ['1a', '2a', '2b', '3a']);
});
