import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Closable, type ServiceRef, serviceRef, type UsedBy } from '../../../src/component.ts';
import { Services } from '../../../src/runtime/services.ts';
import { fakeHost } from '../fake-host.ts';

function setUp() {
  const events: string[] = [];
  const services = new Services({
    hostOf: (id, user) => ({
      ...fakeHost(id).host,
      use: (ref: ServiceRef<Closable, unknown>, by?: UsedBy<unknown>) => services.use(user, ref, by),
    }),
    start: (id) => {
      events.push(`start ${id}`);
      return [{ stop: async () => void events.push(`stop ${id}`) }];
    },
    close: (_, work) => work(),
  });
  return { services, events };
}

const names = serviceRef({ id: 'names', open: async ({ id }) => ({ of: id, close: async () => {} }) });

const of = (key: string) => ({ key, settings: undefined });

test('a service is opened once for all its users', async () => {
  const { services, events } = setUp();
  const [one, two] = await Promise.all([services.use({}, names), services.use({}, names)]);
  assert.equal(one, two);
  assert.deepEqual(events, ['start names']);
});

test('users with different keys have different instances', async () => {
  const { services } = setUp();
  const [one, two] = await Promise.all(['a', 'b'].map((key) => services.use({}, names, of(key))));
  assert.deepEqual([one?.of, two?.of], ['a', 'b']);
});

test('users of one key with other settings in the configuration have different instances', async () => {
  const { services } = setUp();
  const use = (hold: number) => services.use({ config: { hold } }, names, of('a'));
  const [one, same, other] = await Promise.all([use(1), use(1), use(2)]);
  assert.equal(one, same);
  assert.notEqual(one, other);
});

test('two services of one id are two', async () => {
  const { services } = setUp();
  const other = serviceRef({ id: 'names', open: async () => ({ other: true, close: async () => {} }) });
  assert.equal((await services.use({}, other)).other, true);
  assert.equal((await services.use({}, names)).of, 'names');
});

test('a service that failed to open is opened anew by the next user, and has released what it used', async () => {
  const { services, events } = setUp();
  let calls = 0;
  const used = serviceRef({
    id: 'used',
    open: async () => ({ close: async () => void events.push('close used') }),
  });
  const flaky = serviceRef({
    id: 'flaky',
    async open(host) {
      await host.use(used);
      calls += 1;
      if (calls === 1) throw new Error('not yet');
      return { close: async () => {} };
    },
  });
  await assert.rejects(services.use({}, flaky), /not yet/);
  assert.deepEqual(events, ['start used', 'stop used', 'close used']);
  await services.use({}, flaky);
  assert.equal(calls, 2);
});

function closing(id: string, events: string[], uses?: ServiceRef<Closable>) {
  return serviceRef({
    id,
    async open(host) {
      if (uses) await host.use(uses);
      return { close: async () => void events.push(`close ${id}`) };
    },
  });
}

test('a service ends with its last user: its tasks first, and a service that it uses after it', async () => {
  const { services, events } = setUp();
  const below = closing('below', events);
  const above = closing('above', events, below);
  const [one, two] = [{}, {}];
  for (const user of [one, two]) await services.use(user, above);
  events.length = 0;
  await services.release([one]);
  assert.deepEqual(events, []);
  await services.release([two]);
  assert.deepEqual(events, ['stop above', 'close above', 'stop below', 'close below']);
});

test('of services without users the last opened is closed first', async () => {
  const { services, events } = setUp();
  const user = {};
  for (const id of ['first', 'second']) await services.use(user, closing(id, events));
  events.length = 0;
  await services.release([user]);
  assert.deepEqual(events, ['stop second', 'close second', 'stop first', 'close first']);
});

test('a closed user can use no service', async () => {
  const { services } = setUp();
  const user = {};
  await services.release([user]);
  await assert.rejects(services.use(user, names), /cannot use the service names: its user is closed/);
});

test('a hold keeps open services open while their users change', async () => {
  const { services, events } = setUp();
  const [before, after] = [{}, {}];
  const shared = closing('shared', events);
  await services.use(before, shared);
  const hold = services.hold();
  await services.release([before]);
  await services.use(after, shared);
  await services.release([hold]);
  assert.deepEqual(events, ['start shared']);
});
