import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import type { Applied, ExtensionHost, Introspection } from '../../../src/component.ts';
import { ConfigError } from '../../../src/config/config-error.ts';
import type { Answer } from '../../../src/explanations/answer.ts';
import { type Explainer, explanations } from '../../../src/explanations/explanations.ts';
import { admin } from '../../../src/extensions/admin/admin.ts';
import { fakeHost } from '../fake-host.ts';

const folder = mkdtempSync(join(tmpdir(), 'earshot-admin-'));
after(() => rmSync(folder, { recursive: true }));
let places = 0;
const newPath = () => join(folder, String(places++), 'admin.sock');

const knowing = (explain: Explainer['explain']): Explainer => ({
  workloads: () => [{ key: 'web', name: 'web', ids: [], waitShare: 0 }],
  explain,
});

async function opened(
  t: TestContext,
  path: string,
  explain: Explainer['explain'] = () => undefined,
  reload?: Introspection['reload'],
) {
  const { host: whole, logged } = fakeHost('admin');
  const host: ExtensionHost = { ...whole, agent: { ...whole.agent, ...(reload && { reload }) } };
  const service = await host.use(explanations);
  service.provide(knowing(explain));
  const extension = await admin.open({ endpoint: `unix://${path}` }, host);
  t.after(() => extension.close());
  return { extension, service, logged };
}

function ask(socketPath: string, path: string, method = 'GET') {
  return new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
    const sent = request({ socketPath, path, method, agent: false }, async (response) => {
      const body = (await response.toArray()).join('');
      resolve({ status: response.statusCode, body });
    });
    sent.on('error', reject).end();
  });
}

/** A socket whose process is gone. */
function leaveStale(path: string): void {
  mkdirSync(join(path, '..'), { recursive: true });
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  assert.equal(spawnSync(process.execPath, ['-e', script]).signal, 'SIGKILL');
  assert.ok(statSync(path).isSocket());
}

test('it answers a question about a workload, and is for its user alone', async (t) => {
  const path = newPath();
  const { service } = await opened(t, path, (key, since) => ({ sentence: `${key} ${since}` }) as Answer);
  assert.equal(service.isListening, true);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(join(path, '..')).mode & 0o777, 0o700);
  const { status, body } = await ask(path, '/v1/explain?workload=web&since=2s');
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(body), { kind: 'answer', answer: { sentence: 'web 2000000000' } });
});

test('other questions are refused with what is wrong', async (t) => {
  const path = newPath();
  await opened(t, path);
  const status = async (of: string, method?: string) => (await ask(path, of, method)).status;
  assert.equal(await status('/'), 404);
  assert.equal(await status('//'), 404);
  assert.equal(await status('/v1/explain?workload=web&since=1m', 'POST'), 405);
  for (const query of [
    '',
    '?workload=web',
    '?since=1m',
    '?workload=&since=1m',
    '?workload=web&since=0',
    '?workload=web&since=-1s',
  ])
    assert.equal(await status(`/v1/explain${query}`), 400, query);
});

test('a reload is answered with what was changed, or with each problem', async (t) => {
  const path = newPath();
  const applied: Applied = { opened: ['exporter a'], closed: [], reconfigured: ['extension b'], kept: [] };
  const outcomes = [
    () => applied,
    () => {
      throw new ConfigError([{ message: 'unknown key "a\x1b"' }, { message: 'no pipeline' }]);
    },
    () => {
      throw new Error('cannot start exporter "a": busy');
    },
  ];
  await opened(
    t,
    path,
    () => undefined,
    async () => outcomes.shift()?.() ?? applied,
  );
  assert.equal((await ask(path, '/v1/reload')).status, 405);
  assert.equal(outcomes.length, 3, 'only POST reloads');
  const reload = async () => JSON.parse((await ask(path, '/v1/reload', 'POST')).body);
  assert.deepEqual(await reload(), { kind: 'applied', ...applied });
  assert.deepEqual(await reload(), {
    kind: 'refused',
    problems: ['unknown key "a\\u{1b}"', 'no pipeline'],
  });
  assert.deepEqual(await reload(), { kind: 'refused', problems: ['cannot start exporter "a": busy'] });
});

test('a reload that closes the socket is answered before', { timeout: 20_000 }, async (t) => {
  const path = newPath();
  const { promise: closed, resolve: end } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { extension } = await opened(
    t,
    path,
    () => undefined,
    async () => {
      begin();
      await closed;
      return { opened: [], closed: [], reconfigured: [], kept: [] };
    },
  );
  const asked = ask(path, '/v1/reload', 'POST');
  await begun;
  await extension.close();
  end();
  assert.deepEqual(JSON.parse((await asked).body), { kind: 'closing' });
});

test('a bug behind a question is logged, and the next question has an answer', async (t) => {
  const path = newPath();
  let isBroken = true;
  const { logged } = await opened(t, path, () => {
    if (isBroken) throw new Error('of its own');
    return { sentence: 'fine' } as Answer;
  });
  assert.equal((await ask(path, '/v1/explain?workload=web&since=1m')).status, 500);
  assert.match(logged.join(''), /could not be answered.*of its own|of its own.*could not be answered/s);
  isBroken = false;
  assert.equal((await ask(path, '/v1/explain?workload=web&since=1m')).status, 200);
});

test('the socket of an agent that has ended is replaced', async (t) => {
  const path = newPath();
  leaveStale(path);
  await opened(t, path);
  assert.equal((await ask(path, '/')).status, 404);
});

test('a socket on which another process listens is left to it', async (t) => {
  const path = newPath();
  const first = await opened(t, path);
  const { host } = fakeHost('admin');
  await assert.rejects(admin.open({ endpoint: `unix://${path}` }, host), {
    code: 'SOCKET_UNUSABLE',
    message: `cannot listen at ${path}: another process listens there, probably another agent; set the endpoint of the extension admin to a path in a directory that the user of the agent alone can write`,
  });
  assert.equal((await host.use(explanations)).isListening, false);
  assert.equal((await ask(path, '/')).status, 404, 'the first one goes on');
  await first.extension.close();
});

test('a file that is no socket is neither removed nor used', async () => {
  const path = newPath();
  mkdirSync(join(path, '..'));
  writeFileSync(path, 'mine');
  await assert.rejects(admin.open({ endpoint: `unix://${path}` }, fakeHost('admin').host), /no socket/);
  assert.equal(readFileSync(path, 'utf8'), 'mine');
});

test('a directory in which others could replace the socket is refused', async () => {
  const path = newPath();
  mkdirSync(join(path, '..'));
  chmodSync(join(path, '..'), 0o777);
  await assert.rejects(admin.open({ endpoint: `unix://${path}` }, fakeHost('admin').host), {
    code: 'SOCKET_UNUSABLE',
    message: new RegExp(
      `^cannot listen at ${path}: other users may put a socket of theirs in ${join(path, '..')}, as it belongs to user \\d+ and has mode 0777; set the endpoint `,
    ),
  });
  assert.equal(existsSync(path), false);
});

test('where the user may not make the socket, the message has the reason and what to do', async () => {
  await assert.rejects(
    admin.open({ endpoint: 'unix:///sys/earshot/admin.sock' }, fakeHost('admin').host),
    ({ code, message }: NodeJS.ErrnoException) =>
      code === 'SOCKET_UNUSABLE' && /\((EPERM|EACCES|EROFS)\); run the agent as root, or set /.test(message),
  );
});

test('close removes the socket, ends open connections and is idempotent', async (t) => {
  const path = newPath();
  const { extension, service } = await opened(t, path);
  const idle = request({ socketPath: path, path: '/' });
  const ended = new Promise((resolve) => idle.once('error', resolve));
  idle.flushHeaders();
  await new Promise((resolve) => idle.once('socket', (socket) => socket.once('connect', resolve)));
  await extension.close();
  await ended;
  await extension.close();
  assert.equal(existsSync(path), false);
  assert.equal(service.isListening, false);
});

test('an endpoint that is no absolute path of a socket, or is too long, is refused', () => {
  const problems = (endpoint: string) => admin.check?.({ endpoint })?.map(({ message }) => message);
  assert.deepEqual(problems('unix:///run/earshot/admin.sock'), []);
  for (const endpoint of ['localhost:8080', '/run/a.sock', 'unix://run/a.sock', ''])
    assert.match(problems(endpoint)?.[0] ?? '', /^must be the absolute path of a socket/, endpoint);
  assert.match(problems(`unix:///${'x'.repeat(107)}`)?.[0] ?? '', /at most 107 bytes, this one has 108/);
});
