import assert from 'node:assert/strict';
import { readFileSync, renameSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { reload } from '../../../src/cli/reload.ts';
import type { ReloadReply } from '../../../src/extensions/admin/reload-reply.ts';
import { steers } from '../hostile-names.ts';
import { earshot, file, folder, good, outputOf, start } from './earshot.ts';

/** The command against an agent that answers so. */
async function reloaded(t: TestContext, reply: ReloadReply) {
  const socket = join(folder, `${reply.kind}.sock`);
  const asked: string[] = [];
  const server = createServer(({ method, url }, response) => {
    asked.push(`${method} ${url}`);
    response.end(JSON.stringify(reply));
  }).listen(socket);
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => server.close());
  return { ...(await reload(socket)), asked };
}

test('what was changed is a line each, the rest a number', async (t) => {
  const { stdout, stderr, asked } = await reloaded(t, {
    kind: 'applied',
    ...{ opened: ['exporter otlp_grpc', 'exporter debug'], closed: ['exporter debug', 'receiver a\x1b[2J'] },
    ...{ reconfigured: ['extension admin'], kept: ['receiver agent', 'receiver cgroup'] },
  });
  assert.deepEqual(asked, ['POST /v1/reload']);
  assert.equal(stderr, '');
  assert.equal(
    stdout,
    `restarted     exporter debug
opened        exporter otlp_grpc
closed        receiver a\\u{1b}[2J
reconfigured  extension admin
unchanged     2
`,
  );
});

test('problems of another process steer no terminal', async (t) => {
  const { stdout, stderr } = await reloaded(t, {
    kind: 'refused',
    problems: ['a.yaml:1:1: \x1b[2J\n  1 | x'],
  });
  assert.equal(stdout, '');
  assert.match(stderr, /^Error: configuration refused, .*:\na\.yaml:1:1: \S+\n {2}1 \| x$/);
  assert.doesNotMatch(stderr, steers);
});

test('where the socket closes for the change, the outcome is said to be unknown', async (t) => {
  await assert.rejects(reloaded(t, { kind: 'closing' }), {
    name: 'CommandError',
    message: /^cannot say whether the configuration was applied: .*; its log has the outcome$/,
  });
});

test('without an agent, or with a configuration, it ends with 1 and what to do', () => {
  for (const [args, message] of [
    [
      ['--socket', join(folder, 'none.sock')],
      /^Error: cannot ask the agent at .*: no agent listens there\. .*\n$/,
    ],
    [
      ['--config', good],
      /^Error: cannot reload another configuration: the agent reads again what it was started with\. .*\n$/,
    ],
  ] as const) {
    const { status, stdout, stderr } = earshot('reload', ...args);
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, message);
  }
});

test('a running agent applies what was changed in its file, and refuses what is wrong with all of it', async (t) => {
  const socket = join(folder, 'run', 'admin.sock');
  const text = readFileSync(good, 'utf8').replace('service: {', 'service: {extensions: [admin], ');
  const written = (path: string) => `extensions: {admin: {endpoint: "unix://${path}"}}\n${text}`;
  const config = file('reloaded.yaml', written(socket));
  const log = join(folder, 'reloaded.log');
  const paths = `service.telemetry.logs.output_paths=[stderr, ${log}]`;
  const { child, output, exit } = start('--config', config, '--set', paths);
  t.after(() => child.kill('SIGKILL'));
  await outputOf(child, 'stderr', 'Everything is ready');
  renameSync(log, `${log}.1`);
  const first = await reload(socket);
  assert.deepEqual(first, { stdout: 'unchanged     3\n', stderr: '' });
  assert.match(readFileSync(log, 'utf8'), /^[^\n]*Configuration applied\./);
  const changed = () => reload(socket);
  file('reloaded.yaml', written(socket).replace('normal', 'basic'));
  assert.deepEqual(await changed(), {
    stdout: 'restarted     exporter debug\nunchanged     2\n',
    stderr: '',
  });
  file('reloaded.yaml', written(socket).replace('normal', 'loud').replace('100ms', '100'));
  const { stdout, stderr } = await changed();
  assert.equal(stdout, '');
  assert.match(stderr, /^Error: configuration refused, the agent goes on with the one that it has:\n/);
  assert.match(stderr, /^.*reloaded\.yaml:2:\d+: .*100 has no unit.*\n {2}2 \| .*\n {4}\| +\^\^\^$/m);
  assert.match(stderr, /^.*reloaded\.yaml:3:\d+: .*"loud" is not one of basic, normal, detailed/m);
  file('reloaded.yaml', written(join(folder, 'run', 'other.sock')));
  await assert.rejects(changed(), { name: 'CommandError', message: /^cannot say whether / });
  child.kill();
  assert.equal(await exit, 0, output.stderr);
  assert.match(output.stderr, /Configuration applied\. \{"opened":\[[^\]]*"extension admin"/);
});
