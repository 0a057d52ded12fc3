import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { AgentHealth, GraphView, Introspection } from '../../../src/component.ts';
import { healthCheck } from '../../../src/extensions/health-check/health-check.ts';
import { healthReport } from '../../../src/extensions/health-check/report.ts';
import type { HttpServer } from '../../../src/net/http-server.ts';
import type { UnixNanoseconds } from '../../../src/telemetry/units.ts';
import { fakeHost } from '../fake-host.ts';
import { bench, whole } from '../runtime/agent-bench.ts';

const graph: GraphView = {
  nodes: [
    { key: 'exporter sink', kind: 'exporter', id: 'sink' },
    { key: 'processor metrics step', kind: 'processor', id: 'step', pipeline: 'metrics' },
    { key: 'processor logs step', kind: 'processor', id: 'step', pipeline: 'logs' },
  ],
  edges: [],
};
const since = 1_700_000_000_000_000_000n as UnixNanoseconds;
const later = (since + 90_500_000_000n) as UnixNanoseconds;
const ready: AgentHealth = { phase: 'ready', since, troubles: [] };

test('a healthy agent has the answer of the Collector, and a status for each component', () => {
  assert.deepEqual(healthReport(ready, graph, later), {
    isHealthy: true,
    body: {
      status: 'Server available',
      upSince: '2023-11-14T22:13:20.000Z',
      uptime: '1m30.5s',
      components: {
        'exporter sink': { status: 'StatusOK' },
        'processor metrics step': { status: 'StatusOK' },
        'processor logs step': { status: 'StatusOK' },
      },
    },
  });
});

test('an agent that starts or stops is not available', () => {
  for (const [phase, status] of [
    ['starting', 'StatusStarting'],
    ['stopping', 'StatusStopping'],
  ] as const) {
    const { isHealthy, body } = healthReport({ ...ready, phase }, graph, later);
    assert.equal(isHealthy, false);
    assert.equal(body.status, 'Server not available');
    assert.equal(body.upSince, '0001-01-01T00:00:00Z');
    assert.equal(body.uptime, '');
    assert.deepEqual(body.components['exporter sink'], { status });
  }
});

test('what data pass makes the agent unavailable, with each reason at its component', () => {
  const troubles = [
    { subject: { kind: 'exporter', id: 'sink', signal: 'metrics' }, reason: 'refused' },
    { subject: { kind: 'exporter', id: 'sink', signal: 'logs' }, reason: 'late' },
    { subject: { kind: 'processor', id: 'step', pipeline: 'logs' }, reason: 'bug' },
  ] as const;
  const { isHealthy, body } = healthReport({ ...ready, troubles }, graph, later);
  assert.equal(isHealthy, false);
  assert.deepEqual(body.components, {
    'exporter sink': { status: 'StatusRecoverableError', error: 'metrics: refused; logs: late' },
    'processor metrics step': { status: 'StatusOK' },
    'processor logs step': { status: 'StatusRecoverableError', error: 'bug' },
  });
});

test('a service or an extension in trouble is shown, and the agent is available', () => {
  const troubles = [
    { subject: { kind: 'service', id: 'identity', task: 'kubelet' }, reason: 'no answer' },
    { subject: { kind: 'extension', id: 'admin' }, reason: 'bug' },
  ] as const;
  const { isHealthy, body } = healthReport({ ...ready, troubles }, graph, later);
  assert.equal(isHealthy, true);
  assert.deepEqual(body.components['service identity'], {
    status: 'StatusRecoverableError',
    error: 'kubelet: no answer',
  });
  assert.equal(body.components['extension admin']?.error, 'bug');
});

interface Settings {
  readonly path?: string;
  readonly response_body?: { healthy: string; unhealthy: string };
}

async function opened(t: TestContext, settings: Settings = {}, health: () => AgentHealth = () => ready) {
  const { host } = fakeHost('health_check');
  const server = await healthCheck.open(
    { endpoint: 'localhost:0', path: '/', ...settings },
    { ...host, agent: { ...host.agent, health, graph: () => graph } },
  );
  t.after(() => server.close());
  const { port } = server as HttpServer; // what it serves with
  return (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
}

test('it answers 200 or 503 at its path, and 404 elsewhere', async (t) => {
  let phase: AgentHealth['phase'] = 'starting';
  const get = await opened(t, { path: '/health' }, () => ({ ...ready, phase }));
  assert.equal((await get('/health')).status, 503);
  phase = 'ready';
  const answer = await get('/health?verbose');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-type'), 'application/json');
  assert.equal(JSON.parse(await answer.text()).status, 'Server available');
  assert.equal((await get('/')).status, 404);
});

test('texts of the configuration stand in place of the JSON', async (t) => {
  let phase: AgentHealth['phase'] = 'starting';
  const texts = { response_body: { healthy: 'up', unhealthy: '' } };
  const get = await opened(t, texts, () => ({ ...ready, phase }));
  assert.equal(await (await get('/')).text(), '');
  phase = 'ready';
  assert.equal(await (await get('/')).text(), 'up');
});

test('an endpoint that is taken or none is refused with what to do', async (t) => {
  const { host } = fakeHost('health_check');
  const first = await healthCheck.open({ endpoint: 'localhost:0', path: '/' }, host);
  t.after(() => first.close());
  const endpoint = `127.0.0.1:${(first as HttpServer).port}`;
  await assert.rejects(healthCheck.open({ endpoint, path: '/' }, host), {
    message: `cannot listen at ${endpoint}: another process listens there; set another endpoint`,
  });
  const problems = (of: string) => healthCheck.check?.({ endpoint: of, path: '/' });
  for (const good of ['localhost:13133', ':13133', '[::1]:0', '0.0.0.0:65535'])
    assert.deepEqual(problems(good), []);
  for (const bad of ['', '13133', 'localhost', 'localhost:', 'http://localhost:1', '::1:13133', 'a:65536'])
    assert.match(problems(bad)?.[0]?.message ?? '', /write it like localhost:13133, or :13133/, bad);
});

test('an agent is starting until all is open, ready then, and stopping from the request on', async () => {
  const { promise, resolve } = Promise.withResolvers<Introspection>();
  const phases: string[] = [];
  const { start } = bench(whole, {
    async side(host) {
      resolve(host.agent);
      return {};
    },
    async source() {
      phases.push((await promise).health().phase);
      return {};
    },
  });
  const agent = await start();
  const { health } = await promise;
  phases.push(health().phase);
  const stopped = agent.stop();
  phases.push(health().phase);
  await stopped;
  assert.deepEqual(phases, ['starting', 'ready', 'stopping']);
});
