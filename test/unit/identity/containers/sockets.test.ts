import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findSocket } from '../../../../src/identity/containers/sockets.ts';
import { socketFolder } from '../source-fixture.ts';

const isUnfit = () => false;

async function listen(t: TestContext, path: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const server = createServer().listen(path, resolve);
  t.after(() => server.close());
  await promise;
}

test('the first candidate that is a socket is found among other files', async (t) => {
  const rootPath = socketFolder(t);
  writeFileSync(join(rootPath, 'file'), '');
  await listen(t, join(rootPath, 'socket'));
  assert.equal(findSocket(['/none', '/file', '/'], { rootPath, isUnfit }), undefined);
  const found = findSocket(['/none', '/file', '/socket'], { rootPath, isUnfit });
  assert.equal(found?.path, join(rootPath, 'socket'));
  assert.equal(findSocket(['/socket'], { rootPath, isUnfit: () => true }), undefined);
});

test("users' sockets are found below any directory", async (t) => {
  const rootPath = socketFolder(t);
  for (const user of ['1000', '1001']) mkdirSync(join(rootPath, 'run/user', user), { recursive: true });
  await listen(t, join(rootPath, 'run/user/1001/p.sock'));
  const found = findSocket(['/run/user/*/p.sock', '/run/other/*/p.sock'], { rootPath, isUnfit });
  assert.equal(found?.path, join(rootPath, 'run/user/1001/p.sock'));
});

test("links lead to the host's files, and those that lead in a circle nowhere", async (t) => {
  const rootPath = socketFolder(t);
  mkdirSync(join(rootPath, 'run'));
  await listen(t, join(rootPath, 'run/real'));
  symlinkSync('/run/real', join(rootPath, 'absolute'));
  symlinkSync('../absolute', join(rootPath, 'run/relative'));
  symlinkSync('/circle', join(rootPath, 'circle'));
  mkdirSync(join(rootPath, 'var'));
  symlinkSync('/run', join(rootPath, 'var/run'));
  symlinkSync('../../../../../run/real', join(rootPath, 'run/upwards'));
  for (const path of ['/absolute', '/run/relative', '/var/run/real', '/var/run/relative', '/run/upwards'])
    assert.equal(findSocket([path], { rootPath, isUnfit })?.path, join(rootPath, 'run/real'), path);
  assert.equal(findSocket(['/circle'], { rootPath, isUnfit }), undefined);
});

test('a socket created anew has another identity', async (t) => {
  const rootPath = socketFolder(t);
  const path = join(rootPath, 'socket');
  await listen(t, path);
  const before = findSocket(['/socket'], { rootPath, isUnfit })?.identity;
  assert.equal(findSocket(['/socket'], { rootPath, isUnfit })?.identity, before);
  rmSync(path);
  await listen(t, path);
  assert.notEqual(findSocket(['/socket'], { rootPath, isUnfit })?.identity, before);
});
