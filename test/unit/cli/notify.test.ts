import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { loadNative } from '../../../src/bpf/native.ts';
import { folder, good, main } from './earshot.ts';

/** A socket for datagrams, as a service manager has it; `name` is a path, or abstract behind an @. */
async function bound(t: TestContext, name: string) {
  const script = [
    'import socket, sys',
    's = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)',
    's.bind(sys.argv[1].replace("@", "\\0", 1))',
    'print("bound", flush=True)',
    'while True: print(repr(s.recv(65536).decode()), flush=True)',
  ].join('\n');
  const child = spawn('python3', ['-c', script, name], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async () => String((await lines.next()).value);
  assert.equal(await next(), 'bound');
  return next;
}

test('a datagram reaches a socket at a path, and an abstract one', async (t) => {
  const { sendDatagram } = loadNative();
  for (const name of [join(folder, 'datagrams'), `@earshot-test-${process.pid}`]) {
    const next = await bound(t, name);
    sendDatagram(name, 'A=1\nB=ü');
    assert.equal(await next(), "'A=1\\nB=ü'");
  }
});

test('a datagram that nobody takes fails with the reason', () => {
  const { sendDatagram } = loadNative();
  assert.throws(() => sendDatagram(join(folder, 'nobody'), 'A=1'), { code: 'ENOENT' });
  assert.throws(() => sendDatagram('x'.repeat(200), 'A=1'), /path/);
  assert.throws(() => sendDatagram(join(folder, 'nobody'), 'x'.repeat(5000)), /message/);
});

test('a run tells its service manager that it is ready, lives, reloads and stops', async (t) => {
  const socket = join(folder, 'notify');
  const next = await bound(t, socket);
  const environment = { ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC: '600000000' };
  const child = spawn(process.execPath, [main, 'run', '--config', good], {
    stdio: 'ignore',
    env: environment,
  });
  t.after(() => child.kill('SIGKILL'));
  assert.equal(await next(), "'READY=1\\nSTATUS=Running.'");
  assert.equal(await next(), "'WATCHDOG=1'");
  child.kill('SIGHUP');
  assert.match(await next(), /^'RELOADING=1\\nMONOTONIC_USEC=\d+'$/);
  assert.equal(await next(), "'READY=1'");
  child.kill('SIGTERM');
  assert.equal(await next(), "'STOPPING=1\\nSTATUS=Delivering what is queued.'");
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});
