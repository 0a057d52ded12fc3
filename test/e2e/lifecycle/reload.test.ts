import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { resourceAttributes } from '../../../src/telemetry/attributes/resource.ts';
import { waitMetrics } from '../../../src/telemetry/metrics/wait.ts';
import { makeCgroup, removeCgroups, runIn, spin } from '../../kernel/scheduler-fixture.ts';
import { heldBy } from '../../lab/kernel-objects.ts';
import { startOtlpReceiver } from '../../lab/otlp-receiver.ts';
import { startAgent } from '../agent.ts';

const second = 1_000_000_000;
/** Of other clocks, some 10 µs a switch, as over restarts. */
const slack = 0.02 * second;
/** Of the thread, over all of its load. */
const loadSeconds = 6;
const reloads = 20;

const directory = mkdtempSync(join(tmpdir(), 'earshot-reload-'));
after(() => rmSync(directory, { recursive: true }));
after(removeCgroups);

test('over twenty reloads under load the programs stay, and run time is that of cpu.stat', async (t) => {
  const backend = await startOtlpReceiver();
  t.after(() => backend.close());
  const file = join(directory, 'changing.yaml');
  /** The processor and the second exporter come, change and go; the receiver and the exporter stay. */
  const write = (change: number) =>
    writeFileSync(
      file,
      `processors: {contention: }
exporters:
  otlp_grpc: {endpoint: "http://${backend.endpoint}", temporality: delta}
  debug: {verbosity: ${change % 2 ? 'basic' : 'normal'}}
service:
  pipelines:
    metrics:
      receivers: [scheduler]
      processors: [${change % 3 ? 'contention' : ''}]
      exporters: [otlp_grpc${change % 4 < 2 ? ', debug' : ''}]
`,
    );
  write(0);
  const cgroup = makeCgroup('reloaded');
  // equal lines are counted here
  const logs = 'service: {telemetry: {logs: {sampling: {enabled: false}}}}';
  const agent = startAgent(`receivers: {scheduler: {interval: 300ms}}\n${logs}\n`, ['--config', file]);
  t.after(() => agent.stop('SIGKILL'));
  const pid = agent.process.pid ?? 0;
  await agent.logged('Everything is ready');
  const programs = [...heldBy(pid).prog].sort();
  const applied = () => agent.errors().split('Configuration applied.').length - 1;

  const load = runIn(cgroup, spin(loadSeconds, 1));
  for (let change = 1; change <= reloads; change += 1) {
    write(change);
    agent.process.kill('SIGHUP');
    while (applied() < change) {
      assert.equal(agent.process.exitCode, null, agent.errors());
      await sleep(10);
    }
    assert.deepEqual([...heldBy(pid).prog].sort(), programs, `programs after ${change} reloads`);
    await sleep(150);
  }
  await load;
  const ran = cgroup.ran();
  await sleep(50);
  assert.equal(await agent.stop(), 0);
  assert.doesNotMatch(agent.errors(), /refused|error/i);

  const counted = backend
    .metrics()
    .flatMap(({ resources }) => resources)
    .filter(({ resource }) => resource[resourceAttributes.cgroupId.key] === String(cgroup.id))
    .flatMap(({ metrics }) => metrics)
    .filter(({ name }) => name === waitMetrics.runTime.name)
    .flatMap(({ points }) => points)
    .reduce((sum, { value }) => sum + Number(value) * second, 0);
  const figures = `${counted} ns of ${ran} ns over ${applied()} reloads`;
  assert.ok(ran > 2 * second, `${figures}: too little to show anything`);
  assert.ok(Math.abs(counted - ran) <= slack, figures);
  t.diagnostic(figures);
});
