import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { type ListenOptions, listen } from '../../../src/net/listener.ts';
import { fixture } from '../exporters/otlp-fixture.ts';

const tls = { cert: readFileSync(fixture('cert.pem')), key: readFileSync(fixture('key.pem')) };

for (const [name, more] of Object.entries<Pick<ListenOptions, 'tls'>>({ plaintext: {}, TLS: { tls } }))
  test(`${name}: a connection beyond the most is ended, and has failed`, async (t) => {
    const failed = Promise.withResolvers<string>();
    const listener = await listen({
      ...{ endpoint: '127.0.0.1:0', transport: 'tcp', maxConnections: 1, ...more },
      onConnection() {},
      onFailed: failed.resolve,
    });
    const open = (): Promise<Socket> =>
      new Promise((resolve) => {
        const socket = connect(listener.port, '127.0.0.1', () => resolve(socket));
        socket.on('error', () => {});
      });
    const sockets = [await open(), await open()];
    t.after(async () => {
      for (const socket of sockets) socket.destroy();
      await listener.close();
    });
    assert.equal(await failed.promise, 'cannot accept a connection at 127.0.0.1:0: 1 are open');
  });
