import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { ConfigError } from '../../../src/config/config-error.ts';
import { loadWithRemote } from '../../../src/config/remote.ts';
import { sampleComponents, withProbe } from './sample-components.ts';

async function served(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const load = (file: string, text = '') =>
  loadWithRemote({ files: [file], sets: [], environment: {}, readFile: () => text }, sampleComponents);

const problemOf = (loading: Promise<unknown>) =>
  loading.then(
    () => 'loaded',
    (error: unknown) => (error instanceof ConfigError ? error.message : Promise.reject(error)),
  );

test('a configuration comes from an address, and values in it from others, each fetched once', async (t) => {
  const asked: string[] = [];
  const url = await served(t, ({ url: path = '', headers: { host } }, response) => {
    asked.push(path);
    if (path === '/moved') response.writeHead(302, { Location: '/config' }).end();
    else if (path === '/label') response.end('x\n');
    else
      response.end(withProbe(`{label: "\${http://${host}/label}", include: ["\${http://${host}/label}"]}`));
  });
  const config = await load(`${url}/moved`);
  const probe = config.receivers.get('probe')?.config as Record<string, unknown> | undefined;
  assert.deepEqual([probe?.label, probe?.include], ['x', ['x']]);
  assert.deepEqual(asked, ['/moved', '/config', '/label']);
});

test('what cannot be fetched is a problem without the query of the address', async (t) => {
  const url = await served(t, ({ url: path }, response) => {
    if (path === '/large') response.end(Buffer.alloc(2 * 1024 * 1024, 0x23));
    else response.writeHead(404).end();
  });
  assert.match(
    await problemOf(load(`${url}/none?key=s3cret`)),
    new RegExp(`cannot read ${url}/none: the server answered 404`),
  );
  assert.match(await problemOf(load(`${url}/large`)), /cannot read .*\/large: it is larger than 1024 KiB/);
  assert.match(await problemOf(load('http://127.0.0.1:1/x')), /cannot read http:\/\/127\.0\.0\.1:1\/x: /);
  const withCredentials = await problemOf(load(url.replace('//', '//user:s3cret@')));
  assert.match(withCredentials, /an address with credentials in it is not fetched/);
  assert.ok(!withCredentials.includes('s3cret'));
  const inValue = await problemOf(load('a.yaml', withProbe(`{label: "\${${url}/none}"}`)));
  assert.match(inValue, /^a\.yaml:2:\d+: .*the server answered 404/);
});

test('addresses that name one another end at a bound', async (t) => {
  let asked = 0;
  const url = await served(t, ({ headers: { host } }, response) => {
    asked += 1;
    response.end(`\${http://${host}/${asked}}`);
  });
  assert.match(
    await problemOf(load('a.yaml', withProbe(`{label: "\${${url}/0}"}`))),
    /cannot read .*: too many addresses inside one another/,
  );
  assert.ok(asked <= 5, `${asked}`);
});
