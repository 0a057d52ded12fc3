import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { lockInstance } from '../../src/kernel/instance-lock.ts';

const name = (title: string) => `earshot/test/${process.pid}/${title}`;

test('a second holder is refused and told who the first is', async () => {
  const first = await lockInstance(name('second'));
  await assert.rejects(lockInstance(name('second')), {
    code: 'EBUSY',
    message: `another earshot (pid ${process.pid}) is attached to this node: stop it first`,
  });
  first.release();
});

test('a holder in another process is named by its pid, and one that is killed holds nothing', async () => {
  const source = new URL('../../src/kernel/instance-lock.ts', import.meta.url);
  const script = `
    const { lockInstance } = await import('${source}');
    await lockInstance('${name('process')}');
    console.log('locked');
    process.stdin.resume();`;
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  await assert.rejects(lockInstance(name('process')), new RegExp(`pid ${holder.pid}\\b`));
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  (await lockInstance(name('process'))).release();
});

test('a lock is free again once it is released, which may be said twice', async () => {
  const first = await lockInstance(name('free'));
  first.release();
  first.release();
  const second = await lockInstance(name('free'));
  second.release();
});

test('locks of different names do not meet', async () => {
  const locks = await Promise.all([lockInstance(name('one')), lockInstance(name('two'))]);
  for (const lock of locks) lock.release();
});

test('a caller that hangs up at once does the holder no harm', async () => {
  const lock = await lockInstance(name('rude'));
  const socket = connect(`\0${name('rude')}`);
  await once(socket, 'connect');
  socket.destroy();
  await assert.rejects(lockInstance(name('rude')), { code: 'EBUSY' });
  lock.release();
});
