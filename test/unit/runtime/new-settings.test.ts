import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Behaviour, one, running, withSetting } from './agent-bench.ts';

test('a component that takes its new settings goes on', async () => {
  const taken: unknown[] = [];
  const { reload, happened, agent } = await running(one, {
    reconfigure(_, config) {
      taken.push(config);
      return 'applied';
    },
  });
  const applied = await reload(withSetting('step', 'b'));
  assert.deepEqual(happened(), ['reconfigure step']);
  assert.deepEqual(applied.reconfigured, ['processor metrics step']);
  assert.deepEqual(taken, [{ setting: 'b' }]);
  await reload(withSetting('step', 'b'));
  assert.deepEqual(happened(), [], 'they are the ones it has now');
  await agent.stop();
});

test('a component that needs a restart is opened anew', async () => {
  const { reload, happened, agent } = await running(one, { reconfigure: () => 'restart' });
  await reload(withSetting('step', 'b'));
  assert.deepEqual(happened(), ['reconfigure step', 'open step', 'close step']);
  await agent.stop();
});

test('an exporter with another queue is opened anew without being asked', async () => {
  const { reload, happened, agent } = await running(one, { reconfigure: () => 'applied' });
  await reload(one.replace('sink: ', 'sink: {sending_queue: {queue_size: 7}}'));
  assert.deepEqual(happened(), ['open sink', 'close sink']);
  await agent.stop();
});

test('a component gets its former settings back where the change fails', async () => {
  const taken: unknown[] = [];
  const { reload, agent } = await running(one, {
    failStart: 'sink/b',
    reconfigure(_, config) {
      taken.push(config);
      return 'applied';
    },
  });
  const other = withSetting('step', 'b')
    .replace('sink: ', 'sink: , sink/b: ')
    .replace('[sink]', '[sink, sink/b]');
  await assert.rejects(reload(other), /cannot start exporter "sink\/b"/);
  assert.deepEqual(taken, [{ setting: 'b' }, { setting: '' }]);
  assert.equal(agent.health.troubles.size, 0);
  await agent.stop();
});

for (const [answer, reason] of [
  ['restart', 'restart needed'],
  ['throws', 'no such setting'],
] as const)
  test(`a component that does not take its former settings back is unhealthy: ${answer}`, async () => {
    let asked = 0;
    const { reload, agent } = await running(one, {
      failStart: 'sink/b',
      reconfigure() {
        asked += 1;
        if (asked === 1) return 'applied';
        if (answer === 'restart') return answer;
        throw new Error(reason);
      },
    });
    const other = withSetting('step', 'b')
      .replace('sink: ', 'sink: , sink/b: ')
      .replace('[sink]', '[sink, sink/b]');
    await assert.rejects(reload(other), /cannot start exporter "sink\/b"/);
    assert.deepEqual([...agent.health.troubles], [['processor metrics step', reason]]);
    await agent.stop();
  });

test('what the world was made from cannot be changed, and the keys of it are named', async () => {
  const { reload, happened, agent, levels } = await running(one);
  const other = one.replace('service: {', 'service: {host: {root_path: /host}, ');
  await assert.rejects(reload(other), {
    code: 'RESTART_REQUIRED',
    message:
      'cannot apply the configuration: service::host::root_path changed, which needs a restart of the agent',
  });
  const named = 'telemetry: {resource: {cloud.region: a}, logs: {level: debug}}, ';
  await assert.rejects(reload(one.replace('service: {', `service: {${named}`)), {
    message: /: service::telemetry::resource::cloud\.region changed, which needs a restart of the agent$/,
  });
  assert.deepEqual([happened(), levels], [[], ['info']]);
  await agent.stop();
});

const withLevel = (level: string, config = one) =>
  config.replace('service: {', `service: {telemetry: {logs: {level: ${level}}}, `);

test('own telemetry takes other settings, and a change of them alone is no other change', async () => {
  const { reload, happened, agent, levels } = await running(one);
  const { opened, closed, reconfigured } = await reload(withLevel('debug'));
  assert.deepEqual(
    { opened, closed, reconfigured },
    { opened: [], closed: [], reconfigured: ['service::telemetry::logs'] },
  );
  assert.deepEqual([happened(), levels], [[], ['info', 'debug']]);
  await agent.stop();
});

test('where a component cannot be opened own telemetry gets its former settings back', async () => {
  const behave: Behaviour = {};
  const { reload, agent, levels } = await running(one, behave);
  behave.failStart = 'sink';
  await assert.rejects(reload(withLevel('warn', withSetting('sink', 'other'))));
  assert.deepEqual(levels, ['info', 'warn', 'info']);
  await agent.stop();
});

test('where own telemetry cannot take settings nothing is changed', async () => {
  const { reload, happened, agent, levels } = await running(one, { failTelemetry: 'error' });
  await assert.rejects(reload(withLevel('error', withSetting('sink', 'other'))), /no port/);
  assert.deepEqual([happened(), levels], [[], ['info', 'info']]);
  await agent.stop();
});
