import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ServiceEnvironment, serviceManager, type Watched } from '../../../src/cli/service-manager.ts';
import type { Trouble } from '../../../src/telemetry/health.ts';
import { nanoseconds, seconds } from '../../../src/telemetry/units.ts';
import { FakeClock } from '../fake-clock.ts';

const socket = '/run/systemd/notify';

function managed(environment: ServiceEnvironment = { NOTIFY_SOCKET: socket }) {
  const clock = new FakeClock();
  const sent: string[] = [];
  const failures: string[] = [];
  const state = { collectingFor: nanoseconds(0), list: [] as Trouble[], isBroken: false };
  const manager = serviceManager({
    ...{ environment, clock, pid: 42 },
    send(path, message) {
      assert.equal(path, socket);
      if (state.isBroken) throw new Error('no socket');
      sent.push(message);
    },
    onFailure: (reason) => failures.push(reason),
  });
  const agent: Watched = {
    collectingFor: () => state.collectingFor,
    health: {
      get list() {
        return state.list;
      },
    },
  };
  return { manager, agent, clock, state, failures, taken: () => sent.splice(0) };
}

test('a service is ready, reloads and stops as sd_notify has it', async () => {
  const { manager, agent, clock, taken } = managed();
  manager.ready(agent);
  assert.deepEqual(taken(), ['READY=1\nSTATUS=Running.']);
  manager.reloading();
  assert.match(taken()[0] ?? '', /^RELOADING=1\nMONOTONIC_USEC=\d+$/);
  manager.reloaded();
  assert.deepEqual(taken(), ['READY=1']);
  manager.stopping();
  assert.deepEqual(taken(), ['STOPPING=1\nSTATUS=Delivering what is queued.']);
  await clock.advance(seconds(60));
  assert.deepEqual(taken(), []);
  assert.equal(clock.timers, 0);
});

test('the watchdog hears from the agent twice in its time, while no collection hangs', async () => {
  const { manager, agent, clock, state, taken } = managed({
    NOTIFY_SOCKET: socket,
    WATCHDOG_USEC: '4000000',
  });
  manager.ready(agent);
  taken();
  await clock.advance(seconds(8));
  assert.deepEqual(taken(), Array(4).fill('WATCHDOG=1'));
  state.collectingFor = seconds(4);
  await clock.advance(seconds(8));
  assert.deepEqual(taken(), []);
  state.collectingFor = nanoseconds(0);
  await clock.advance(seconds(2));
  assert.deepEqual(taken(), ['WATCHDOG=1']);
});

test('a watchdog of another process, and one without a time, is not served', async () => {
  for (const watchdog of [
    { WATCHDOG_USEC: '1000000', WATCHDOG_PID: '43' },
    { WATCHDOG_USEC: 'x' },
    { WATCHDOG_USEC: '0' },
  ]) {
    const { manager, agent, clock, taken } = managed({ NOTIFY_SOCKET: socket, ...watchdog });
    manager.ready(agent);
    taken();
    await clock.advance(seconds(20));
    assert.deepEqual(taken(), []);
  }
});

test('the status has what is unhealthy, in one line, when it changes', async () => {
  const { manager, agent, clock, state, taken } = managed();
  manager.ready(agent);
  taken();
  const reason = 'no\nREADY=0 here';
  state.list = [
    { subject: { kind: 'exporter', id: 'otlp_grpc', signal: 'logs' }, reason },
    { subject: { kind: 'service', id: 'identity' }, reason: 'x' },
  ];
  await clock.advance(seconds(10));
  assert.deepEqual(taken(), ['STATUS=Unhealthy: exporter otlp_grpc: no READY=0 here, and 1 more']);
  await clock.advance(seconds(10));
  assert.deepEqual(taken(), []);
  state.list = [];
  await clock.advance(seconds(10));
  assert.deepEqual(taken(), ['STATUS=Running.']);
});

test('without a service manager nothing is sent, and no timer runs', () => {
  const { manager, agent, clock, taken } = managed({ WATCHDOG_USEC: '1000000' });
  manager.ready(agent);
  manager.stopping();
  assert.deepEqual(taken(), []);
  assert.equal(clock.timers, 0);
});

test('a service manager that cannot be reached is told of once', async () => {
  const { manager, agent, clock, state, failures } = managed({
    NOTIFY_SOCKET: socket,
    WATCHDOG_USEC: '1000000',
  });
  state.isBroken = true;
  manager.ready(agent);
  await clock.advance(seconds(5));
  assert.deepEqual(failures, ['no socket']);
});
