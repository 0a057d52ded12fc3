import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { existing, heldBy, leftOf } from '../../lab/kernel-objects.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../../lab/otlp-receiver.ts';
import { type Agent, startAgent } from '../agent.ts';

/** However the agent ends, its programs, maps and links end with it. */

let agent: Agent | undefined;
let backend: OtlpReceiver | undefined;
afterEach(async () => {
  await agent?.stop('SIGKILL');
  await backend?.close();
  agent = undefined;
  backend = undefined;
});

const config = (exporter: string, settings = '') => `receivers:
  scheduler:
    interval: 200ms
exporters:
  ${exporter}: {${settings}}
service:
  pipelines:
    metrics: {receivers: [scheduler], exporters: [${exporter}]}
    logs: {receivers: [scheduler], exporters: [${exporter}]}
`;

/** What the agent has in the kernel, as soon as it runs. */
async function attached(of: Agent) {
  await of.logged('Everything is ready');
  let objects = heldBy(of.process.pid ?? 0);
  // The iterators over tasks, for waits and for cgroups, have links only while they run.
  const isReading = () => objects.link.size !== objects.prog.size - 2;
  for (let attempt = 0; isReading() && attempt < 100; attempt++) {
    await sleep(20);
    objects = heldBy(of.process.pid ?? 0);
  }
  const { prog, map, link } = objects;
  assert.ok(
    prog.size >= 5 && map.size >= 9 && !isReading(),
    `${prog.size} programs, ${map.size} maps, ${link.size} links`,
  );
  assert.equal(existing(objects).length, prog.size + map.size + link.size);
  return objects;
}

const signals: readonly { readonly signal: NodeJS.Signals; readonly code: number | null }[] = [
  { signal: 'SIGTERM', code: 0 },
  { signal: 'SIGINT', code: 0 },
  { signal: 'SIGQUIT', code: 0 },
  { signal: 'SIGABRT', code: null },
  { signal: 'SIGKILL', code: null },
];
for (const { signal, code } of signals)
  test(`${signal} leaves no BPF program or map`, async () => {
    agent = startAgent(config('debug'));
    const objects = await attached(agent);
    assert.equal(await agent.stop(signal), code);
    assert.deepEqual(await leftOf(objects), []);
  });

const accidents = {
  'an uncaught error': "process.on('SIGUSR2', () => { throw new Error('on purpose'); })",
  'an unhandled rejection': "process.on('SIGUSR2', () => Promise.reject(new Error('on purpose')))",
};
for (const [accident, script] of Object.entries(accidents))
  test(`${accident} leaves no BPF program or map, and the exit code is that of a failure`, async () => {
    const module = `data:text/javascript,${encodeURIComponent(script)}`;
    agent = startAgent(config('debug'), [], { NODE_OPTIONS: `--import=${module}` });
    const objects = await attached(agent);
    assert.equal(await agent.stop('SIGUSR2'), 1);
    assert.match(agent.errors(), /on purpose/);
    assert.deepEqual(await leftOf(objects), []);
  });

/** What the agent has in the kernel once it has sent something to a backend that never answers. */
async function attachedBeforeSilence() {
  backend = await startOtlpReceiver();
  backend.answer({ kind: 'never' });
  agent = startAgent(
    config('otlp_grpc', `endpoint: "http://${backend.endpoint}", timeout: 30s`), // beyond the shutdown deadline
  );
  const objects = await attached(agent);
  const { metrics } = backend;
  await backend.until(() => metrics().length > 0);
  return { waiting: agent, objects };
}

test('a hanging exporter leaves no BPF program or map after SIGTERM', async () => {
  const { waiting, objects } = await attachedBeforeSilence();
  const begin = performance.now();
  assert.equal(await waiting.stop(), 0);
  const took = performance.now() - begin;
  assert.ok(took < 8000, `it took ${took} ms`);
  assert.match(waiting.errors(), /shutdown deadline/);
  assert.deepEqual(await leftOf(objects), []);
});

test('a second signal ends the agent despite a hanging exporter, and leaves no BPF program or map', async () => {
  const { waiting, objects } = await attachedBeforeSilence();
  waiting.process.kill('SIGTERM');
  await waiting.logged('Starting shutdown');
  assert.equal(await waiting.stop('SIGINT'), 1);
  assert.deepEqual(await leftOf(objects), []);
});
