import assert from 'node:assert/strict';
import { Server } from 'node:net';
import { test } from 'node:test';
import { serveHttp } from '../../../src/net/http-server.ts';

test('connections that cannot be accepted are reported each time, and the server goes on', async (t) => {
  const listen = t.mock.method(Server.prototype, 'listen');
  const reasons: string[] = [];
  const served = await serveHttp(
    'localhost:0',
    (_, response) => response.end('here'),
    (reason) => reasons.push(reason),
  );
  t.after(() => served.close());
  const server = listen.mock.calls[0]?.this as Server;
  for (let time = 0; time < 3; time++) server.emit('error', new Error('accept ENFILE'));
  assert.deepEqual(reasons, Array(3).fill('cannot accept a connection at localhost:0: accept ENFILE'));
  assert.equal(await (await fetch(`http://127.0.0.1:${served.port}`)).text(), 'here');
});

test('an endpoint that is taken is refused, with what to do', async (t) => {
  const first = await serveHttp('localhost:0', () => {}, assert.fail);
  t.after(() => first.close());
  await assert.rejects(
    serveHttp(`localhost:${first.port}`, () => {}, assert.fail),
    {
      message: `cannot listen at localhost:${first.port}: another process listens there; set another endpoint`,
    },
  );
});
