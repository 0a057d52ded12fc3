import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, renameSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { file, folder, good, outputOf, start } from './earshot.ts';

test('SIGHUP applies what was changed in the file; what is wrong is refused, and the agent goes on', async () => {
  const text = readFileSync(good, 'utf8');
  const config = file('changing.yaml', text);
  const { child, output, exit } = start('--config', config);
  await outputOf(child, 'stderr', 'Everything is ready');
  file('changing.yaml', text.replace('normal', 'basic'));
  child.kill('SIGHUP');
  await outputOf(child, 'stderr', 'Configuration applied. {"opened":["exporter debug"]');
  file('changing.yaml', text.replace('normal', 'loud'));
  child.kill('SIGHUP');
  await outputOf(child, 'stderr', 'Configuration refused. The agent goes on with the one that it has.');
  assert.match(output.stderr, /error .*changing\.yaml:2:\d+: .*"loud" is not one of basic, normal, detailed/);
  child.kill();
  assert.equal(await exit, 0);
});

test('a configuration from a named pipe is read once: a reload without a writer has the same', async (t) => {
  const pipe = join(folder, 'config.pipe');
  spawnSync('mkfifo', [pipe]);
  const { child, output, exit } = start('--config', pipe);
  t.after(() => child.kill('SIGKILL'));
  await writeFile(pipe, readFileSync(good));
  await outputOf(child, 'stderr', 'Everything is ready');
  child.kill('SIGHUP');
  await outputOf(child, 'stderr', 'Configuration applied.');
  child.kill();
  assert.equal(await exit, 0, output.stderr);
});

test('SIGHUP during the start is remembered: the configuration is read again after it', async (t) => {
  // The start waits for the configuration, which a server holds back.
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const server = createHttpServer(async (_, response) => {
    asked.resolve();
    await held.promise;
    response.end(readFileSync(good));
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { child, output, exit } = start('--config', `http://127.0.0.1:${port}/`);
  t.after(() => child.kill('SIGKILL'));
  await asked.promise;
  child.kill('SIGHUP');
  held.resolve();
  // The signal may be handled before or just after the end of the start: it counts either way.
  await outputOf(child, 'stderr', 'Configuration applied.');
  assert.match(output.stderr, /Received SIGHUP\./);
  child.kill();
  assert.equal(await exit, 0, output.stderr);
});

test('SIGHUP applies another level of the log; what needs a restart is named', async () => {
  const text = readFileSync(good, 'utf8');
  const telemetry = (settings: string) => text.replace('service: {', `service: {telemetry: {${settings}}, `);
  const config = file('telemetry.yaml', text);
  const { child, output, exit } = start('--config', config);
  await outputOf(child, 'stderr', 'Everything is ready');
  file('telemetry.yaml', telemetry('logs: {encoding: json}'));
  child.kill('SIGHUP');
  await outputOf(child, 'stderr', '"reconfigured":["service::telemetry::logs"]');
  file('telemetry.yaml', telemetry('logs: {encoding: json}, resource: {cloud.region: a}'));
  child.kill('SIGHUP');
  await outputOf(child, 'stderr', '"msg":"Configuration refused.');
  assert.match(
    output.stderr,
    /"msg":"cannot apply the configuration: service::telemetry::resource::cloud\.region changed, which needs a restart of the agent"/,
  );
  child.kill();
  assert.equal(await exit, 0);
});

test('SIGHUP opens the log files anew, as after a rotation', async () => {
  const log = join(folder, 'rotated.log');
  const { child, exit } = start(
    '--config',
    good,
    '--set',
    `service.telemetry.logs.output_paths=[stderr, ${log}]`,
  );
  await outputOf(child, 'stderr', 'Everything is ready');
  renameSync(log, `${log}.1`);
  child.kill('SIGHUP');
  await outputOf(child, 'stderr', 'Configuration applied.');
  child.kill();
  assert.equal(await exit, 0);
  assert.match(readFileSync(`${log}.1`, 'utf8'), /Received SIGHUP\. [^\n]*\n$/);
  assert.match(readFileSync(log, 'utf8'), /^[^\n]*Configuration applied\..*Shutdown complete\.\n$/s);
});

test('with --watch a changed file is applied without a signal', async () => {
  const text = readFileSync(good, 'utf8');
  const config = file('watched.yaml', text);
  const { child, exit } = start('--config', config, '--watch');
  await outputOf(child, 'stderr', 'Everything is ready');
  file('watched.yaml', text.replace('normal', 'basic'));
  await outputOf(child, 'stderr', 'A configuration file has changed. Reloading the configuration...');
  await outputOf(child, 'stderr', 'Configuration applied. {"opened":["exporter debug"]');
  child.kill();
  assert.equal(await exit, 0);
});

test('with --watch a file that a value is read from counts as the configuration', async () => {
  const verbosity = file('verbosity', 'normal\n');
  const text = readFileSync(good, 'utf8').replace('normal', `"\${file:${verbosity}}"`);
  const { child, exit } = start('--config', `file:${file('referring.yaml', text)}`, '--watch');
  await outputOf(child, 'stderr', 'Everything is ready');
  file('verbosity', 'basic\n');
  await outputOf(child, 'stderr', 'Configuration applied. {"opened":["exporter debug"]');
  child.kill();
  assert.equal(await exit, 0);
});
