import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeWorld } from '../runtime/fake-world.ts';

const step = { kind: 'processor', id: 'step', pipeline: 'metrics' } as const;
const sentence = 'Component failed.';

test('a reason is logged once, another reason again, and a recovery too', () => {
  const { health, messages } = fakeWorld();
  for (const reason of ['bug', 'bug', 'other bug']) health.unhealthy(step, reason, { sentence });
  health.healthy(step);
  health.healthy(step);
  assert.deepEqual(messages(), [sentence, sentence, 'Component has recovered.']);
});

test('what was not logged recovers without a word, and is logged where it stays and a caller wants it to be', () => {
  const { health, messages } = fakeWorld();
  health.unhealthy(step, 'bug');
  health.healthy(step);
  assert.deepEqual(messages(), []);
  health.unhealthy(step, 'bug');
  health.unhealthy(step, 'bug', { sentence });
  health.unhealthy(step, 'bug', { sentence });
  health.unhealthy(step, 'other bug');
  health.healthy(step);
  assert.deepEqual(messages(), [sentence, 'Component has recovered.']);
});

test('parts of a component are unhealthy by themselves', () => {
  const { health } = fakeWorld();
  health.unhealthy(step, 'bug', { sentence });
  health.unhealthy({ ...step, pull: 'held' }, 'late', { sentence });
  health.healthy(step);
  assert.deepEqual([...health.troubles], [['processor metrics step (held)', 'late']]);
});

test('a forgotten component is not unhealthy in any part, without a word of recovery; its namesakes stay', () => {
  const { health, messages } = fakeWorld();
  const namesake = { ...step, pipeline: 'logs' };
  for (const subject of [step, { ...step, pull: 'held' }, namesake])
    health.unhealthy(subject, 'bug', { sentence });
  health.forget(step);
  assert.deepEqual([...health.troubles.keys()], ['processor logs step']);
  assert.equal(messages().length, 3);
});
