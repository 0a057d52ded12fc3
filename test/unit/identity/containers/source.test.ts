import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listOf, played } from './source-fixture.ts';

test('the stream opens before the list, so that no change between is missed', async () => {
  const { source, tick, asked, answer } = played();
  assert.equal(source.state, 'connecting');
  await tick();
  assert.deepEqual(asked(), ['handshake', 'follow', 'list']);
  assert.equal(source.state, 'connecting');
  await answer(listOf('a'));
  assert.equal(source.state, 'ready');
});

test('without events a list follows each resync, with events a tenth as often', async () => {
  for (const [hasEvents, resync] of [
    [false, 30],
    [true, 300],
  ] as const) {
    const { ready, advance, tick, asked, answer } = played({ hasEvents });
    await ready('a');
    advance(resync - 0.1);
    await tick();
    assert.deepEqual(asked(), [], `${resync} s`);
    advance(0.1);
    await tick();
    assert.deepEqual(asked(), ['list'], `${resync} s`);
    await answer(listOf('a'));
  }
});

test('a container missing in a list is gone', async () => {
  const { ready, advance, tick, answer, facts } = played();
  await ready('a', 'b');
  advance(300);
  await tick();
  await answer(listOf('b'));
  assert.deepEqual(facts.gone, ['a']);
  assert.deepEqual([...facts.containers.keys()], ['b']);
});

test('an event during a list wins over the list', async () => {
  const { tick, emit, answer, facts } = played();
  await tick();
  await emit({ kind: 'updated', pods: [{ uid: 'new pod' }], containers: [{ id: 'new', name: 'updated' }] });
  await emit({ kind: 'gone', id: 'a' });
  await answer(listOf('a', 'b'));
  assert.deepEqual([...facts.containers.keys()].sort(), ['b', 'new']);
  assert.ok(facts.pods.has('new pod'));
});

test('an unknown container leads to a list at once, and many of them to one list', async () => {
  const { ready, advance, tick, asked, source, answer, facts } = played({ hasEvents: false });
  await ready('a');
  advance(1);
  for (const containerId of ['x', 'y', 'z']) source.requestLookup({ containerId });
  source.requestLookup({ podUid: 'of x' });
  await tick();
  await tick();
  assert.deepEqual(asked(), ['list']);
  await answer(listOf('a', 'x', 'y', 'z'));
  assert.equal(facts.containers.get('x')?.name, 'name of x');
});

test('a lookup requested during a list leads to another list', async () => {
  const { ready, advance, tick, asked, source, answer } = played({ hasEvents: false });
  await ready('a');
  advance(1);
  source.requestLookup({ containerId: 'x' });
  await tick();
  advance(0.1);
  source.requestLookup({ containerId: 'y' });
  await answer(listOf('a', 'x'));
  asked();
  advance(2);
  await tick();
  assert.deepEqual(
    asked().filter((what) => what === 'list'),
    ['list'],
  );
});

test('an id missing in all lists is looked up with back-off, then only on request', async () => {
  const { ready, advance, tick, asked, source, answer } = played({ hasEvents: false });
  await ready('a');
  advance(1);
  const lists: number[] = [];
  source.requestLookup({ containerId: "another runtime's" });
  for (let time = 0; time < 29; time += 0.25) {
    await tick();
    if (asked().includes('list')) lists.push(time);
    await answer(listOf('a'));
    advance(0.25);
  }
  assert.deepEqual(lists, [0, 0.5, 1.5, 3.5, 7.5]);
});

test('requested lists take a tenth of the time at most', async () => {
  const { ready, advance, tick, asked, source, answer } = played({ hasEvents: false });
  await ready('a');
  advance(1);
  source.requestLookup({ containerId: 'x' });
  await tick();
  advance(2); // a slow runtime
  await answer(listOf('a', 'x'));
  await tick();
  asked();
  source.requestLookup({ containerId: 'y' });
  advance(19);
  await tick();
  assert.deepEqual(asked(), []);
  advance(1.1);
  await tick();
  assert.deepEqual(asked(), ['list']);
});

test('a known container, or one of an absent runtime, requests no lookup', async () => {
  const { ready, advance, tick, asked, source, setSocket } = played({ hasEvents: false });
  await ready('a');
  advance(1);
  source.requestLookup({ containerId: 'a', podUid: 'pod' });
  await tick();
  assert.deepEqual(asked(), []);
  const absent = played();
  absent.setSocket(undefined);
  await absent.tick();
  absent.source.requestLookup({ containerId: 'a' });
  assert.equal(absent.source.state, 'absent');
  setSocket(undefined);
});
