import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replaceable } from '../../../src/client/replaceable.ts';

test('what began on a connection ends on it, and it is closed after the last of them', async () => {
  const closed: string[] = [];
  const connection = (name: string) => ({ name, close: () => void closed.push(name) });
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const held = replaceable(connection('first'));
  const running = gates.map(({ promise }) => held.use(({ name }) => promise.then(() => name)));
  held.replace(connection('second'));
  assert.equal(await held.use(async ({ name }) => name), 'second');
  gates[0]?.resolve();
  assert.equal(await running[0], 'first');
  assert.deepEqual(closed, []);
  gates[1]?.reject(new Error('cut'));
  await assert.rejects(async () => running[1], /cut/);
  assert.deepEqual(closed, ['first']);
  held.replace(connection('third'));
  assert.deepEqual(closed, ['first', 'second']);
  held.close();
  assert.deepEqual(closed, ['first', 'second', 'third']);
});
