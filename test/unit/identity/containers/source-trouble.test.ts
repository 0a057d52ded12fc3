import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Listing } from '../../../../src/identity/containers/client.ts';
import { identityCounters } from '../../../../src/identity/emits.ts';
import type { ContainerFacts } from '../../../../src/identity/facts.ts';
import { RequestError } from '../../../../src/net/request-error.ts';
import { container, listOf, played, settle } from './source-fixture.ts';

test('an absent runtime is searched with back-off, and found', async () => {
  const { source, tick, asked, advance, setSocket, warnings } = played();
  setSocket(undefined);
  await tick();
  assert.equal(source.state, 'absent');
  assert.match(source.reason ?? '', /not there/);
  setSocket('1');
  await tick();
  assert.deepEqual(asked(), [], 'not before its time');
  advance(1);
  await tick();
  assert.equal(source.state, 'connecting');
  assert.deepEqual(warnings(), [], 'no container runtime is nothing to warn of');
});

test('a failure is counted, logged once and retried with back-off, and facts stay', async () => {
  const { source, ready, advance, tick, asked, fail, setHandshakeError, count, warnings, facts } = played();
  await ready('a');
  advance(300);
  await tick();
  setHandshakeError(new RequestError('timeout', 'no answer in time'));
  await fail(new RequestError('timeout', 'no answer in time'));
  assert.equal(source.state, 'failing');
  assert.match(source.reason ?? '', /no answer in time/);
  assert.ok(facts.containers.has('a'));
  asked();
  const attempts: number[] = [];
  for (let time = 0; time < 64; time += 0.25) {
    await tick();
    if (asked().includes('handshake')) attempts.push(time);
    advance(0.25);
  }
  assert.deepEqual(attempts, [0.25, 0.75, 1.75, 3.75, 7.75, 15.75, 31.75, 61.75]);
  assert.equal(count(identityCounters.sourceErrors.name, 'timeout'), 9);
  assert.equal(warnings().length, 1);
});

test('a new socket is connected at once', async () => {
  const { source, ready, advance, tick, answer, fail, setHandshakeError, setSocket } = played();
  await ready('a');
  setHandshakeError(new RequestError('unreachable', 'no process listens'));
  advance(300);
  await tick();
  await fail(new RequestError('unreachable', 'no process listens'));
  for (let time = 0; time < 20; time++) {
    advance(1);
    await tick();
  }
  assert.equal(source.state, 'failing');
  setHandshakeError(undefined);
  setSocket('2');
  await tick();
  await answer(listOf('a'));
  assert.equal(source.state, 'ready');
  assert.equal(source.reason, undefined);
});

test('a broken stream is followed anew, and a list repairs its losses', async () => {
  const { source, ready, advance, tick, asked, answer, endStream, count, facts } = played();
  await ready('a', 'b');
  advance(60);
  await endStream(new RequestError('connection_reset', 'reset'));
  assert.equal(source.state, 'ready', 'lists still work');
  assert.equal(count(identityCounters.sourceErrors.name, 'connection_reset'), 1);
  await tick();
  assert.ok(asked().includes('list'));
  await answer(listOf('a'));
  assert.deepEqual(facts.gone, ['b']);
  advance(1);
  await tick();
  assert.ok(asked().includes('follow'));
});

test('a stream that breaks repeatedly is retried with back-off', async () => {
  const { ready, advance, tick, asked, answer, endStream } = played();
  await ready('a');
  let follows = 0;
  for (let time = 0; time < 60; time += 0.25) {
    await endStream(new RequestError('connection_reset', 'reset'));
    advance(0.25);
    await tick();
    follows += asked().filter((what) => what === 'follow').length;
    await answer(listOf('a'));
  }
  assert.ok(follows > 3 && follows < 10, `${follows} attempts in a minute`);
});

test('a runtime without events, or that ends their stream at once, is listed periodically', async () => {
  for (const error of [new RequestError('unimplemented', 'no such call'), undefined]) {
    const { ready, advance, tick, asked, endStream, count } = played();
    await ready('a');
    advance(1);
    await endStream(error);
    advance(29);
    await tick();
    assert.deepEqual(asked(), ['list']);
    assert.equal(count(identityCounters.sourceErrors.name), 0);
  }
});

test('an ended container is updated once more, then gone', async () => {
  const { tick, advance, answer, facts } = played({ hasEvents: false });
  await tick();
  const ended: Listing = { pods: [], containers: [container('short', true)] };
  await answer(ended);
  assert.ok(facts.containers.has('short'), 'a container of 200 ms has a name');
  advance(30);
  await tick();
  await answer(ended);
  assert.deepEqual(facts.gone, ['short']);
  advance(30);
  await tick();
  await answer(listOf('short'));
  assert.ok(facts.containers.has('short'), 'it was started again');
});

test('facts of an inspection stay when a list has fewer', async () => {
  const { tick, advance, answer, facts, setDetails, asked } = played({ hasEvents: false });
  const image = { name: 'registry.example/app', digest: 'sha256:12' };
  setDetails(async (id) => ({ id, name: `name of ${id}`, image }));
  await tick();
  await answer(listOf('a'));
  await tick();
  assert.deepEqual(facts.containers.get('a')?.image, image);
  advance(30);
  asked();
  await tick();
  await answer(listOf('a'));
  await tick();
  assert.deepEqual(facts.containers.get('a')?.image, image);
  await tick();
  assert.deepEqual(asked(), ['list'], 'an image does not change: no further inspection');
});

test('containers complete in the list are not inspected', async () => {
  const { tick, answer, asked } = played();
  await tick();
  await answer({ pods: [], containers: [{ ...container('a'), isComplete: true }] });
  await tick();
  assert.deepEqual(asked(), ['handshake', 'follow', 'list']);
});

test('containers that ended before the first list are not inspected', async () => {
  const { tick, answer, asked } = played();
  await tick();
  await answer({ pods: [], containers: [container('past', true), container('present')] });
  await tick();
  assert.deepEqual(asked(), ['handshake', 'follow', 'list', 'inspect present']);
});

test('a failing inspection of one container does not delay the others', async () => {
  const { tick, answer, facts, setDetails, source, count } = played();
  setDetails(async (id) => {
    if (id === 'stuck') throw new RequestError('timeout', 'no answer in time');
    return { id, image: { name: 'looked at' } };
  });
  await tick();
  await answer(listOf('stuck', 'well'));
  await tick();
  assert.equal(source.state, 'ready');
  assert.equal(facts.containers.get('stuck')?.name, 'name of stuck');
  assert.deepEqual(facts.containers.get('well')?.image, { name: 'looked at' });
  assert.equal(count(identityCounters.sourceErrors.name, 'timeout'), 1);
});

test('a change event triggers an inspection at once', async () => {
  const { ready, emit, facts, asked } = played();
  await ready('a');
  await emit({ kind: 'changed', id: 'new' });
  assert.deepEqual(asked(), ['inspect new']);
  assert.ok(facts.containers.has('new'));
  await emit({ kind: 'gone', id: 'new' });
  assert.deepEqual(facts.gone, ['new']);
});

test('a container removed during its inspection stays gone', async () => {
  const { ready, emit, facts, setDetails } = played();
  await ready();
  const { promise, resolve } = Promise.withResolvers<ContainerFacts>();
  setDetails(() => promise);
  await emit({ kind: 'changed', id: 'short' });
  await emit({ kind: 'gone', id: 'short' });
  resolve({ id: 'short', name: 'too late' });
  await settle();
  assert.ok(!facts.containers.has('short'));
});

test('a socket of another service is absent until it is created anew', async () => {
  const { source, tick, advance, setHandshakeError, setSocket, asked, answer, count, warnings } = played();
  setHandshakeError(new RequestError('unimplemented', 'it has no Version of CRI v1'));
  await tick();
  await tick();
  assert.equal(source.state, 'absent');
  assert.match(source.reason ?? '', /no Version of CRI v1/);
  assert.equal(count(identityCounters.sourceErrors.name), 0);
  assert.deepEqual(warnings(), []);
  asked();
  advance(100);
  await tick();
  assert.deepEqual(asked(), []);
  setHandshakeError(undefined);
  setSocket('2');
  advance(100);
  await tick();
  await answer(listOf('a'));
  assert.equal(source.state, 'ready');
});

test('close ends running requests, is idempotent, and no work follows it', async () => {
  const { source, tick, asked, facts, ready } = played();
  await ready('a');
  const { lists } = facts;
  await source.close();
  await source.close();
  await tick();
  source.requestLookup({ containerId: 'x' });
  await tick();
  assert.deepEqual(asked(), ['close']);
  assert.equal(facts.lists, lists);
});
