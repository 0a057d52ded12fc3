import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerFacts } from '../../../../src/processors/workload/facts.ts';
import type {
  Listing,
  RuntimeClient,
  RuntimeEvent,
} from '../../../../src/processors/workload/sources/runtime-client.ts';
import { RuntimeSource } from '../../../../src/processors/workload/sources/runtime-source.ts';
import type { Socket } from '../../../../src/processors/workload/sources/sockets.ts';
import { SourceError } from '../../../../src/processors/workload/sources/source-error.ts';
import { seconds } from '../../../../src/telemetry/units.ts';
import { counterNames } from '../../../../src/telemetry/vocabulary.ts';
import { sourceFixture } from './source-fixture.ts';

/** The source before a runtime that is played by the test: no sockets, no time. */

const container = (id: string, hasEnded = false) => ({
  facts: { id, name: `name of ${id}` },
  hasEnded,
  isComplete: false,
});
const listOf = (...ids: readonly string[]): Listing => ({
  pods: [{ uid: 'pod' }],
  containers: ids.map((id) => container(id)),
});
/** Lets everything run that needs no answer. */
const settle = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

function played({ hasEvents = true } = {}) {
  const fixture = sourceFixture();
  const asked: string[] = [];
  const pending: { resolve(listing: Listing): void; reject(error: Error): void }[] = [];
  let tell: ((event: RuntimeEvent) => void) | undefined;
  let endStream: ((error?: Error) => void) | undefined;
  let greetingError: Error | undefined;
  let details: RuntimeClient['look'] = async (id) => ({ id, name: `name of ${id}` });
  let socket: Socket | undefined = { path: '/run/test.sock', identity: '1' };
  const connect = (): RuntimeClient => ({
    async greet() {
      asked.push('greet');
      if (greetingError) throw greetingError;
      return { runtime: 'test 1', hasEvents };
    },
    list() {
      asked.push('list');
      const { promise, resolve, reject } = Promise.withResolvers<Listing>();
      pending.push({ resolve, reject });
      return promise;
    },
    look(id) {
      asked.push(`look ${id}`);
      return details(id);
    },
    follow(to) {
      asked.push('follow');
      tell = to;
      return new Promise((resolve, reject) => {
        endStream = (error) => (error ? reject(error) : resolve());
      });
    },
    close() {
      asked.push('close');
      endStream?.(new SourceError('cut', 'closed'));
      for (const { reject } of pending.splice(0)) reject(new SourceError('cut', 'closed'));
    },
  });
  const source = new RuntimeSource(
    {
      name: 'cri',
      resync: seconds(30),
      find: (isUnfit) => (socket && !isUnfit(socket) ? socket : undefined),
      connect,
    },
    fixture.context,
  );
  const tick = async () => {
    source.tick();
    await settle();
  };
  return {
    ...fixture,
    source,
    tick,
    /** What was asked of the runtime since the last call. */
    asked: () => asked.splice(0),
    async answer(listing: Listing) {
      pending.shift()?.resolve(listing);
      await settle();
    },
    async fail(error: Error) {
      pending.shift()?.reject(error);
      await settle();
    },
    async tell(event: RuntimeEvent) {
      tell?.(event);
      await settle();
    },
    async endStream(error?: Error) {
      endStream?.(error);
      await settle();
    },
    setSocket(identity: string | undefined) {
      socket = identity === undefined ? undefined : { path: '/run/test.sock', identity };
    },
    setGreetingError(error: Error | undefined) {
      greetingError = error;
    },
    setDetails(look: RuntimeClient['look']) {
      details = look;
    },
    /** Ready, with these containers, and nothing asked for. */
    async ready(...ids: readonly string[]) {
      await tick();
      pending.shift()?.resolve(listOf(...ids));
      await settle();
      await tick();
      asked.splice(0);
    },
  };
}

test('it follows before it lists, so that nothing that happens between is missed', async () => {
  const { source, tick, asked, answer } = played();
  assert.equal(source.state, 'connecting');
  await tick();
  assert.deepEqual(asked(), ['greet', 'follow', 'list']);
  assert.equal(source.state, 'connecting');
  await answer(listOf('a'));
  assert.equal(source.state, 'ready');
});

test('without events it lists every resync, with events ten times as rarely', async () => {
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

test('a container that a list has no more is gone', async () => {
  const { ready, advance, tick, answer, facts } = played();
  await ready('a', 'b');
  advance(300);
  await tick();
  await answer(listOf('b'));
  assert.deepEqual(facts.gone, ['a']);
  assert.deepEqual([...facts.containers.keys()], ['b']);
});

test('what was told while a list was made wins over the list', async () => {
  const { tick, tell, answer, facts } = played();
  await tick();
  await tell({ kind: 'told', pods: [{ uid: 'new pod' }], containers: [{ id: 'new', name: 'told' }] });
  await tell({ kind: 'gone', id: 'a' });
  await answer(listOf('a', 'b'));
  assert.deepEqual([...facts.containers.keys()].sort(), ['b', 'new']);
  assert.ok(facts.pods.has('new pod'));
});

test('an unknown container is listed for at once, and many of them with one list', async () => {
  const { ready, advance, tick, asked, source, answer, facts } = played({ hasEvents: false });
  await ready('a');
  advance(1);
  for (const containerId of ['x', 'y', 'z']) source.want({ containerId });
  source.want({ podUid: 'of x' });
  await tick();
  await tick();
  assert.deepEqual(asked(), ['list']);
  await answer(listOf('a', 'x', 'y', 'z'));
  assert.equal(facts.containers.get('x')?.name, 'name of x');
});

test('one that was wanted while a list was under way gets a list of its own', async () => {
  const { ready, advance, tick, asked, source, answer } = played({ hasEvents: false });
  await ready('a');
  advance(1);
  source.want({ containerId: 'x' });
  await tick();
  advance(0.1);
  source.want({ containerId: 'y' });
  await answer(listOf('a', 'x'));
  asked();
  advance(2);
  await tick();
  assert.deepEqual(
    asked().filter((what) => what === 'list'),
    ['list'],
  );
});

test('an id that no list has is asked about ever more rarely, then only when wanted again', async () => {
  const { ready, advance, tick, asked, source, answer } = played({ hasEvents: false });
  await ready('a');
  advance(1);
  const lists: number[] = [];
  source.want({ containerId: "another runtime's" });
  for (let time = 0; time < 29; time += 0.25) {
    await tick();
    if (asked().includes('list')) lists.push(time);
    await answer(listOf('a'));
    advance(0.25);
  }
  assert.deepEqual(lists, [0, 0.5, 1.5, 3.5, 7.5]);
});

test('lists that somebody waits for take a tenth of the time at most', async () => {
  const { ready, advance, tick, asked, source, answer } = played({ hasEvents: false });
  await ready('a');
  advance(1);
  source.want({ containerId: 'x' });
  await tick();
  advance(2); // a slow runtime
  await answer(listOf('a', 'x'));
  await tick();
  asked();
  source.want({ containerId: 'y' });
  advance(19);
  await tick();
  assert.deepEqual(asked(), []);
  advance(1.1);
  await tick();
  assert.deepEqual(asked(), ['list']);
});

test('a known container, or one of an absent runtime, asks for nothing', async () => {
  const { ready, advance, tick, asked, source, setSocket } = played({ hasEvents: false });
  await ready('a');
  advance(1);
  source.want({ containerId: 'a', podUid: 'pod' });
  await tick();
  assert.deepEqual(asked(), []);
  const absent = played();
  absent.setSocket(undefined);
  await absent.tick();
  absent.source.want({ containerId: 'a' });
  assert.equal(absent.source.state, 'absent');
  setSocket(undefined);
});

test('a runtime that is not there is absent, looked for ever more rarely, and found', async () => {
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

test('a failure is counted and logged once, retried ever more rarely, and what was known stays', async () => {
  const { source, ready, advance, tick, asked, fail, setGreetingError, count, warnings, facts } = played();
  await ready('a');
  advance(300);
  await tick();
  setGreetingError(new SourceError('timeout', 'no answer in time'));
  await fail(new SourceError('timeout', 'no answer in time'));
  assert.equal(source.state, 'failing');
  assert.match(source.reason ?? '', /no answer in time/);
  assert.ok(facts.containers.has('a'));
  asked();
  const attempts: number[] = [];
  for (let time = 0; time < 64; time += 0.25) {
    await tick();
    if (asked().includes('greet')) attempts.push(time);
    advance(0.25);
  }
  assert.deepEqual(attempts, [0.25, 0.75, 1.75, 3.75, 7.75, 15.75, 31.75, 61.75]);
  assert.equal(count(counterNames.sourceErrors, 'timeout'), 9);
  assert.equal(warnings().length, 1);
});

test('a runtime that made its socket anew is asked at once', async () => {
  const { source, ready, advance, tick, answer, fail, setGreetingError, setSocket } = played();
  await ready('a');
  setGreetingError(new SourceError('refused', 'nobody listens'));
  advance(300);
  await tick();
  await fail(new SourceError('refused', 'nobody listens'));
  for (let time = 0; time < 20; time++) {
    advance(1);
    await tick();
  }
  assert.equal(source.state, 'failing');
  setGreetingError(undefined);
  setSocket('2');
  await tick();
  await answer(listOf('a'));
  assert.equal(source.state, 'ready');
  assert.equal(source.reason, undefined);
});

test('a stream that is cut is followed anew and what it missed is listed', async () => {
  const { source, ready, advance, tick, asked, answer, endStream, count, facts } = played();
  await ready('a', 'b');
  advance(60);
  await endStream(new SourceError('cut', 'reset'));
  assert.equal(source.state, 'ready', 'lists still work');
  assert.equal(count(counterNames.sourceErrors, 'cut'), 1);
  await tick();
  assert.ok(asked().includes('list'));
  await answer(listOf('a'));
  assert.deepEqual(facts.gone, ['b']);
  advance(1);
  await tick();
  assert.ok(asked().includes('follow'));
});

test('a stream that breaks again and again is not hammered', async () => {
  const { ready, advance, tick, asked, answer, endStream } = played();
  await ready('a');
  let follows = 0;
  for (let time = 0; time < 60; time += 0.25) {
    await endStream(new SourceError('cut', 'reset'));
    advance(0.25);
    await tick();
    follows += asked().filter((what) => what === 'follow').length;
    await answer(listOf('a'));
  }
  assert.ok(follows > 3 && follows < 10, `${follows} attempts in a minute`);
});

test('a runtime that has no events, or ends their stream at once, is listed instead', async () => {
  for (const error of [new SourceError('unimplemented', 'no such call'), undefined]) {
    const { ready, advance, tick, asked, endStream, count } = played();
    await ready('a');
    advance(1);
    await endStream(error);
    advance(29);
    await tick();
    assert.deepEqual(asked(), ['list']);
    assert.equal(count(counterNames.sourceErrors), 0);
  }
});

test('a container that ended is said once more, then it is gone', async () => {
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

test('what a look found stays when a list knows less', async () => {
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
  assert.deepEqual(asked(), ['list'], 'an image does not change: nobody looks again');
});

test('a list that says all is enough: nobody is looked at', async () => {
  const { tick, answer, asked } = played();
  await tick();
  await answer({ pods: [], containers: [{ ...container('a'), isComplete: true }] });
  await tick();
  assert.deepEqual(asked(), ['greet', 'follow', 'list']);
});

test('containers that had ended before the first list are not looked at', async () => {
  const { tick, answer, asked } = played();
  await tick();
  await answer({ pods: [], containers: [container('past', true), container('present')] });
  await tick();
  assert.deepEqual(asked(), ['greet', 'follow', 'list', 'look present']);
});

test('one container that cannot be looked at keeps nobody else from being named', async () => {
  const { tick, answer, facts, setDetails, source, count } = played();
  setDetails(async (id) => {
    if (id === 'stuck') throw new SourceError('timeout', 'no answer in time');
    return { id, image: { name: 'looked at' } };
  });
  await tick();
  await answer(listOf('stuck', 'well'));
  await tick();
  assert.equal(source.state, 'ready');
  assert.equal(facts.containers.get('stuck')?.name, 'name of stuck');
  assert.deepEqual(facts.containers.get('well')?.image, { name: 'looked at' });
  assert.equal(count(counterNames.sourceErrors, 'timeout'), 1);
});

test('an event that only says that something changed is looked after at once', async () => {
  const { ready, tell, facts, asked } = played();
  await ready('a');
  await tell({ kind: 'changed', id: 'new' });
  assert.deepEqual(asked(), ['look new']);
  assert.ok(facts.containers.has('new'));
  await tell({ kind: 'gone', id: 'new' });
  assert.deepEqual(facts.gone, ['new']);
});

test('a container that goes while it is looked at stays gone', async () => {
  const { ready, tell, facts, setDetails } = played();
  await ready();
  const { promise, resolve } = Promise.withResolvers<ContainerFacts>();
  setDetails(() => promise);
  await tell({ kind: 'changed', id: 'short' });
  await tell({ kind: 'gone', id: 'short' });
  resolve({ id: 'short', name: 'too late' });
  await settle();
  assert.ok(!facts.containers.has('short'));
});

test('a socket at which something else answers counts as absent until it is made anew', async () => {
  const { source, tick, advance, setGreetingError, setSocket, asked, answer, count, warnings } = played();
  setGreetingError(new SourceError('unimplemented', 'it has no Version of CRI v1'));
  await tick();
  await tick();
  assert.equal(source.state, 'absent');
  assert.match(source.reason ?? '', /no Version of CRI v1/);
  assert.equal(count(counterNames.sourceErrors), 0);
  assert.deepEqual(warnings(), []);
  asked();
  advance(100);
  await tick();
  assert.deepEqual(asked(), []);
  setGreetingError(undefined);
  setSocket('2');
  advance(100);
  await tick();
  await answer(listOf('a'));
  assert.equal(source.state, 'ready');
});

test('close ends what is under way, may be repeated, and nothing happens after it', async () => {
  const { source, tick, asked, facts, ready } = played();
  await ready('a');
  const { lists } = facts;
  await source.close();
  await source.close();
  await tick();
  source.want({ containerId: 'x' });
  await tick();
  assert.deepEqual(asked(), ['close']);
  assert.equal(facts.lists, lists);
});
