import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer, Known } from '../../../src/explanations/answer.ts';
import { type Explainer, openExplanations } from '../../../src/explanations/explanations.ts';
import { seconds } from '../../../src/telemetry/units.ts';

const minute = seconds(60);
const known = (name: string, waitShare = 0): Known => ({ key: name, name, ids: [], waitShare });

function explainer(all: readonly Known[], sentence = 'it waits'): Explainer {
  return { workloads: () => all, explain: (key) => ({ sentence, key }) as unknown as Answer };
}

test('without a component that gives answers, that is the answer', () => {
  assert.deepEqual(openExplanations().ask('web', minute), { kind: 'nothing', reason: 'no_connector' });
});

test('before the first window there is nothing to say', () => {
  const service = openExplanations();
  service.provide(explainer([]));
  assert.deepEqual(service.ask('web', minute), { kind: 'nothing', reason: 'no_window' });
});

test('a workload that is forgotten while it is asked for has no answer', () => {
  const service = openExplanations();
  service.provide({ workloads: () => [known('web')], explain: () => undefined });
  assert.deepEqual(service.ask('web', minute), { kind: 'nothing', reason: 'no_window' });
});

test('a name that means several workloads is shown with all of them, the one that waits most first', () => {
  const service = openExplanations();
  service.provide(explainer([known('shop/a/web', 0.1), known('shop/b/web', 0.3)]));
  const reply = service.ask('web', minute);
  assert.deepEqual(reply, {
    kind: 'ambiguous',
    candidates: [
      { name: 'shop/b/web', waitShare: 0.3 },
      { name: 'shop/a/web', waitShare: 0.1 },
    ],
  });
});

test('a name that means none is answered with names that look like it, else with those that wait most', () => {
  const service = openExplanations();
  service.provide(
    explainer(['a', 'b', 'c', 'd', 'e', 'f', 'checkout'].map((name, n) => known(name, n / 10))),
  );
  assert.deepEqual(service.ask('chekout', minute), {
    ...{ kind: 'unknown', near: ['checkout'], isAlike: true, workloads: 7 },
  });
  assert.deepEqual(service.ask('something-else', minute), {
    ...{ kind: 'unknown', near: ['checkout', 'f', 'e', 'd', 'c'], isAlike: false, workloads: 7 },
  });
});

test('of two components that know a workload the first one answers; when it is gone, the other', () => {
  const service = openExplanations();
  const withdraw = service.provide(explainer([known('web')], 'first'));
  service.provide(explainer([known('web'), known('db')], 'second'));
  const sentence = (name: string) => {
    const reply = service.ask(name, minute);
    return reply.kind === 'answer' && reply.answer.sentence;
  };
  assert.equal(sentence('web'), 'first');
  assert.equal(sentence('db'), 'second');
  withdraw();
  withdraw();
  assert.equal(sentence('web'), 'second');
});

test('questions may come as long as one of two listens', () => {
  const service = openExplanations();
  assert.equal(service.isListening, false);
  const [first, second] = [service.listen(), service.listen()];
  first();
  first();
  assert.equal(service.isListening, true);
  second();
  assert.equal(service.isListening, false);
});
