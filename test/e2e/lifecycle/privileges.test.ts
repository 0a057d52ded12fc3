import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { daemonSetRights, type Outcome, type PodRights, runAgent } from '../pod-container.ts';

/**
 * The agent's image under what the DaemonSet grants it, then with each right taken away: what the table in
 * `config/kubernetes/README.md` says is what happens.
 */

const folder = mkdtempSync(join(tmpdir(), 'earshot-privileges-'));
const rights = daemonSetRights();
const config = `receivers: {scheduler: {interval: 500ms, max_workloads: 4096}}
processors: {workload: , contention: }
exporters: {table: }
service:
  pipelines:
    metrics: {receivers: [scheduler], processors: [workload, contention], exporters: [table]}
`;
/** Of the second table: the first may be of an interval in which nothing ran. */
const measured = /TOTAL[\s\S]*TOTAL.*\n/;

before(async () => {
  const script = fileURLToPath(new URL('../../../scripts/build-image.ts', import.meta.url));
  await promisify(execFile)(process.execPath, [script, '--root', join(folder, 'root')]);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const agent = (granted: Partial<PodRights> = {}): Promise<Outcome> =>
  runAgent(folder, { ...rights, ...granted }, { config, until: measured });

test("with the DaemonSet's privileges the agent measures the whole machine, and its self-test passes", async () => {
  const { code, output, errors } = await agent();
  assert.equal(code, null, errors);
  assert.match(errors, /Self-test passed\./);
  assert.match(output, /^root cgroup +\d/m);
  assert.doesNotMatch(output, /^cgroup \d+ /m);
  assert.match(errors, /What the BPF programs cost is not measured.*Operation not permitted/);
});

for (const capability of rights.capabilities)
  test(`without CAP_${capability} no program is attached, and the missing capability is named`, async () => {
    const { code, errors } = await agent({
      capabilities: rights.capabilities.filter((other) => other !== capability),
    });
    assert.equal(code, 1);
    assert.match(errors, /cannot attach to the scheduler: no permission to load BPF programs/);
  });

test('a user other than root has none of the capabilities', async () => {
  const { code, errors } = await agent({ user: 65534 });
  assert.equal(code, 1);
  assert.match(errors, /cannot attach to the scheduler: no permission to load BPF programs/);
});

test("without the host's pid namespace, waits of other processes are reported only at their end, and the self-test warns", async () => {
  const { code, errors } = await agent({ hostPid: false });
  assert.equal(code, null, errors);
  assert.match(errors, /Self-test failed: in a pid namespace of its own .*hostPID: true/);
});

test("without the host's cgroup mount, only active cgroups have names, and the agent warns", async () => {
  const { code, output, errors } = await agent({
    hostPaths: rights.hostPaths.filter((path) => path !== '/sys/fs/cgroup'),
  });
  assert.equal(code, null, errors);
  assert.match(
    errors,
    /no cgroup hierarchy is mounted here: only cgroups in which something happens from now on get names/,
  );
  assert.match(output, /^cgroup \d+ /m);
});

test('with CAP_SYS_ADMIN too, the cost of BPF programs is measured, and nothing else changes', async () => {
  const { code, errors } = await agent({ capabilities: [...rights.capabilities, 'SYS_ADMIN'] });
  assert.equal(code, null, errors);
  assert.match(errors, /Self-test passed\./);
  assert.doesNotMatch(errors, /What the BPF programs cost is not measured/);
});
