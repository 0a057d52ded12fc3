import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type QuotaLevel, quotaLevel, quotaLevels } from '../../../../src/cgroup/path/quota-level.ts';
import { waitAttributes } from '../../../../src/telemetry/attributes/wait.ts';

const id = '0123456789abcdef'.repeat(4);
const uid = '0a1b2c3d-0000-4000-8000-000000000001';
const systemdPod = `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${uid.replaceAll('-', '_')}.slice`;

/** Layouts of the kubelet's two cgroup drivers, of Docker and of systemd; origins beside `identifyPath`. */
const levels: Readonly<Record<string, QuotaLevel>> = {
  '/': 'root',
  '/kubepods': 'node',
  '/kubepods/burstable': 'qos',
  '/kubepods/besteffort': 'qos',
  [`/kubepods/pod${uid}`]: 'pod',
  [`/kubepods/burstable/pod${uid}`]: 'pod',
  [`/kubepods/burstable/pod${uid}/${id}`]: 'container',
  [`/kubepods/burstable/pod${uid}/${id}/init.scope`]: 'nested',
  '/kubepods/other': 'cgroup',
  '/kubepods.slice': 'node',
  '/kubepods.slice/kubepods-besteffort.slice': 'qos',
  [systemdPod]: 'pod',
  [`${systemdPod}/cri-containerd-${id}.scope`]: 'container',
  [`${systemdPod}/cri-containerd-${id}.scope/system.slice/cron.service`]: 'nested',
  [`/docker/${id}`]: 'container',
  [`/system.slice/docker-${id}.scope`]: 'container',
  '/docker': 'cgroup',
  '/system.slice': 'slice',
  '/system.slice/cron.service': 'unit',
  '/system.slice/cron.service/worker': 'nested',
  '/user.slice/user-1000.slice': 'slice',
  '/user.slice/user-1000.slice/session-3.scope': 'unit',
  '/user.slice/user-1000.slice/user@1000.service': 'unit',
  '/batch': 'cgroup',
};
for (const [path, level] of Object.entries(levels))
  test(`${path} is a level of its own kind: ${level}`, () => {
    assert.equal(quotaLevel(path), level);
  });

test("a container nested in a node's container (kind) is a container", () => {
  assert.equal(quotaLevel(`/docker/${id}/kubelet/kubepods/pod${uid}/${'f'.repeat(64)}`), 'container');
});

test('each quota level has a meaning', () => {
  for (const level of quotaLevels)
    assert.ok(waitAttributes.quotaLevel.meaning.includes(`\`${level}\``), level);
});
