import type { Listing, RuntimeClient, RuntimeEvent } from '../../../../src/identity/containers/client.ts';
import type { Socket } from '../../../../src/identity/containers/sockets.ts';
import { RuntimeSource } from '../../../../src/identity/containers/source.ts';
import { RequestError } from '../../../../src/net/request-error.ts';
import { seconds } from '../../../../src/telemetry/units.ts';
import { sourceFixture } from '../source-fixture.ts';

/** The source before a runtime that is played by the test: no sockets, no time. */

export const container = (id: string, hasEnded = false) => ({
  facts: { id, name: `name of ${id}` },
  hasEnded,
  isComplete: false,
});
export const listOf = (...ids: readonly string[]): Listing => ({
  pods: [{ uid: 'pod' }],
  containers: ids.map((id) => container(id)),
});
/** Lets everything run that needs no answer. */
export const settle = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

export function played({ hasEvents = true } = {}) {
  const fixture = sourceFixture();
  const asked: string[] = [];
  const pending: { resolve(listing: Listing): void; reject(error: Error): void }[] = [];
  let emit: ((event: RuntimeEvent) => void) | undefined;
  let endStream: ((error?: Error) => void) | undefined;
  let handshakeError: Error | undefined;
  let details: RuntimeClient['inspect'] = async (id) => ({ id, name: `name of ${id}` });
  let socket: Socket | undefined = { path: '/run/test.sock', identity: '1' };
  const connect = (): RuntimeClient => ({
    async handshake() {
      asked.push('handshake');
      if (handshakeError) throw handshakeError;
      return { runtime: 'test 1', hasEvents };
    },
    list() {
      asked.push('list');
      const { promise, resolve, reject } = Promise.withResolvers<Listing>();
      pending.push({ resolve, reject });
      return promise;
    },
    inspect(id) {
      asked.push(`inspect ${id}`);
      return details(id);
    },
    follow(to) {
      asked.push('follow');
      emit = to;
      return new Promise((resolve, reject) => {
        endStream = (error) => (error ? reject(error) : resolve());
      });
    },
    close() {
      asked.push('close');
      endStream?.(new RequestError('connection_reset', 'closed'));
      for (const { reject } of pending.splice(0)) reject(new RequestError('connection_reset', 'closed'));
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
    async emit(event: RuntimeEvent) {
      emit?.(event);
      await settle();
    },
    async endStream(error?: Error) {
      endStream?.(error);
      await settle();
    },
    setSocket(identity: string | undefined) {
      socket = identity === undefined ? undefined : { path: '/run/test.sock', identity };
    },
    setHandshakeError(error: Error | undefined) {
      handshakeError = error;
    },
    setDetails(inspect: RuntimeClient['inspect']) {
      details = inspect;
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
