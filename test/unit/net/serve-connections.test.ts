import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { serveConnections } from '../../../src/net/serve-connections.ts';

/** A connection to a server that is given it by another one. */
async function connected(t: TestContext) {
  const options = { headersTimeout: 50, requestTimeout: 100, connectionsCheckingInterval: 20 };
  const server = serveConnections(options, (request, response) => {
    request.resume().on('error', () => {});
    request.on('end', () => response.end('whole'));
  });
  const front = createServer((socket) => server.emit('connection', socket));
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  const socket = connect((front.address() as AddressInfo).port, '127.0.0.1');
  t.after(() => {
    socket.destroy();
    front.close();
    server.close();
  });
  return { server, socket };
}

for (const [what, begun] of [
  ['headers', 'POST / HTTP/1.1\r\nHost: a\r\n'],
  ['a body', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{'],
] as const)
  test(`${what} without an end are answered with 408 and end the connection`, async (t) => {
    const { socket } = await connected(t);
    socket.write(begun);
    assert.match(Buffer.concat(await socket.toArray()).toString(), /^HTTP\/1\.1 408 /);
  });

test('an idle connection is one that can be closed', async (t) => {
  const { server, socket } = await connected(t);
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(socket, 'data');
  const closed = once(socket, 'close');
  server.closeIdleConnections();
  await closed;
});
