import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceRef } from '../../../src/component.ts';
import { Services } from '../../../src/runtime/services.ts';
import { fakeHost } from '../fake-host.ts';

function setUp() {
  const events: string[] = [];
  const services = new Services({
    hostOf: (id) => fakeHost(id).host,
    start: (id) => {
      events.push(`start ${id}`);
      return [{ stop: async () => void events.push(`stop ${id}`) }];
    },
  });
  return { services, events };
}

const names = serviceRef({ id: 'names', open: async ({ id }) => ({ of: id, close: async () => {} }) });

test('a service is opened once for all its users', async () => {
  const { services, events } = setUp();
  const [one, two] = await Promise.all([services.use(names), services.use(names)]);
  assert.equal(one, two);
  assert.deepEqual(events, ['start names']);
});

test('users with different keys have different instances', async () => {
  const { services } = setUp();
  const [one, two] = await Promise.all(
    ['a', 'b'].map((key) => services.use(names, { key, settings: undefined })),
  );
  assert.deepEqual([one?.of, two?.of], ['a', 'b']);
});

test('two services of one id are two', async () => {
  const { services } = setUp();
  const other = serviceRef({ id: 'names', open: async () => ({ other: true, close: async () => {} }) });
  assert.equal((await services.use(other)).other, true);
  assert.equal((await services.use(names)).of, 'names');
});

test('a service that failed to open is opened anew by the next user', async () => {
  const { services } = setUp();
  let calls = 0;
  const flaky = serviceRef({
    id: 'flaky',
    async open() {
      calls += 1;
      if (calls === 1) throw new Error('not yet');
      return { close: async () => {} };
    },
  });
  await assert.rejects(services.use(flaky), /not yet/);
  await services.use(flaky);
  assert.equal(calls, 2);
});

test('closing ends the tasks first, the last opened service before the first', async () => {
  const { services, events } = setUp();
  const of = (id: string) =>
    serviceRef({ id, open: async () => ({ close: async () => void events.push(`close ${id}`) }) });
  await services.use(of('first'));
  await services.use(of('second'));
  events.length = 0;
  for (const { close } of services.takeAll()) await close();
  assert.deepEqual(events, ['stop second', 'close second', 'stop first', 'close first']);
  assert.deepEqual(services.takeAll(), []);
});
