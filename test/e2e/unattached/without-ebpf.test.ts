import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { resourceAttributes } from '../../../src/telemetry/attributes/resource.ts';
import { waitAttributes } from '../../../src/telemetry/attributes/wait.ts';
import { workloadAttributes } from '../../../src/telemetry/attributes/workload.ts';
import { cgroupMetrics } from '../../../src/telemetry/metrics/cgroup.ts';
import { makeCgroup, removeCgroups, runIn, spin, type TestCgroup } from '../../kernel/scheduler-fixture.ts';
import type { ReceivedMetrics, ReceivedPoint } from '../../lab/otlp-decode.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../../lab/otlp-receiver.ts';

/** The shipped configuration, run by the user nobody: no root, no capability, no eBPF. */

const path = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
const unprivileged = [
  '--reuid=65534',
  '--regid=65534',
  '--clear-groups',
  '--bounding-set=-all',
  '--inh-caps=-all',
];

after(removeCgroups);

const resourcesOf = (from: OtlpReceiver, { id }: TestCgroup): readonly ReceivedMetrics[] =>
  from
    .metrics()
    .flatMap(({ resources }) => resources)
    .filter(({ resource }) => resource[resourceAttributes.cgroupId.key] === String(id));

/** In order of arrival. */
const pointsOf = (from: OtlpReceiver, cgroup: TestCgroup, metric: string): readonly ReceivedPoint[] =>
  resourcesOf(from, cgroup)
    .flatMap(({ metrics }) => metrics)
    .filter(({ name }) => name === metric)
    .flatMap(({ points }) => points);

/** To a microsecond. */
const isClose = (point: ReceivedPoint | undefined, ns: number) =>
  Math.abs((point?.value ?? Number.NaN) * 1e9 - ns) < 1000;

test('without eBPF and privileges, throttling, limits and CPU time arrive with names', async () => {
  const backend = await startOtlpReceiver();
  const limited = makeCgroup('unprivileged', { quota: 5 });
  const agent = spawn(
    'setpriv',
    [
      ...unprivileged,
      process.execPath,
      path('src/main.ts'),
      'run',
      '--config',
      path('config/examples/without-ebpf.yaml'),
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, OTLP_ENDPOINT: `http://${backend.endpoint}`, EARSHOT_INTERVAL: '500ms' },
    },
  );
  let errors = '';
  agent.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  try {
    const of = ({ name }: { readonly name: string }) => pointsOf(backend, limited, name);
    await backend.until(() => of(cgroupMetrics.cpuLimit).length > 0);
    await runIn(limited, spin(1, 2));
    // its timer goes on for some periods
    await backend.until(() => isClose(of(cgroupMetrics.throttledTime).at(-1), limited.throttled()));
    assert.ok(limited.throttled() > 0);
    assert.equal(of(cgroupMetrics.cpuLimit).at(-1)?.value, 0.05);
    assert.equal(of(cgroupMetrics.throttledTime).at(-1)?.attributes[waitAttributes.quotaLevel.key], 'cgroup');
    assert.ok((of(cgroupMetrics.cpuTime).at(-1)?.value ?? 0) > 0);
    const [found] = resourcesOf(backend, limited);
    assert.equal(found?.resource[resourceAttributes.cgroupPath.key], limited.path);
    assert.equal(found?.resource[workloadAttributes.name.key], limited.path);
  } finally {
    agent.kill('SIGTERM');
    const [code] = await once(agent, 'exit');
    await backend.close();
    assert.equal(code, 0, errors);
  }
  assert.doesNotMatch(errors, / (warn|error) /, errors);
});
