import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Native } from '../../../src/bpf/native.ts';
import { type Machine, missingInKernel, missingRequirements } from '../../../src/bpf/needs.ts';
import { UnsupportedError } from '../../../src/bpf/unsupported-error.ts';

const sysAdmin = 1n << 21n;
const perfmon = 1n << 38n;
const bpf = 1n << 39n;

const able: Machine = {
  platform: 'linux',
  hasBtf: true,
  capabilities: sysAdmin,
  lockdown: '[none] integrity confidentiality',
};

test('nothing is missing on a Linux with BTF, for root', () => {
  assert.deepEqual(missingRequirements(able), []);
});

const rights = [
  { title: 'CAP_SYS_ADMIN alone', capabilities: sysAdmin, isEnough: true },
  { title: 'CAP_BPF and CAP_PERFMON', capabilities: bpf | perfmon, isEnough: true },
  { title: 'CAP_BPF without CAP_PERFMON', capabilities: bpf, isEnough: false },
  { title: 'CAP_PERFMON without CAP_BPF', capabilities: perfmon, isEnough: false },
  { title: 'no capability', capabilities: 0n, isEnough: false },
];
for (const { title, capabilities, isEnough } of rights)
  test(`${title} is ${isEnough ? '' : 'not '}enough`, () => {
    assert.equal(missingRequirements({ ...able, capabilities }).length, isEnough ? 0 : 1);
  });

const lacks = [
  { lack: { capabilities: 0n }, what: /permission/, remedy: /run as root, or with CAP_BPF and CAP_PERFMON/ },
  { lack: { hasBtf: false }, what: /no BTF/, remedy: /5\.10 or later with CONFIG_DEBUG_INFO_BTF=y/ },
  {
    lack: { lockdown: 'none integrity [confidentiality]' },
    what: /confidentiality mode/,
    remedy: /boot with lockdown=integrity or none/,
  },
];
for (const { lack, what, remedy } of lacks)
  test(`what is missing is named with its remedy: ${Object.keys(lack)}`, () => {
    const [sentence = '', ...others] = missingRequirements({ ...able, ...lack });
    assert.match(sentence, what);
    assert.match(sentence, remedy);
    assert.deepEqual(others, []);
  });

test('everything that is missing is said at once', () => {
  const bare = { ...able, capabilities: 0n, hasBtf: false, lockdown: '[confidentiality]' };
  assert.equal(missingRequirements(bare).length, 3);
});

test('lockdown in integrity mode, or none at all, is no obstacle', () => {
  for (const lockdown of ['none [integrity] confidentiality', ''])
    assert.deepEqual(missingRequirements({ ...able, lockdown }), []);
});

test('elsewhere than on Linux nothing else is worth saying', () => {
  assert.deepEqual(missingRequirements({ ...able, platform: 'darwin', hasBtf: false, capabilities: 0n }), [
    'this is not Linux',
  ]);
});

const kernelWith = (structs: Readonly<Record<string, readonly string[]>>) =>
  ({ kernelStruct: (name: string) => structs[name] }) as unknown as Native;

test('a kernel with scheduler statistics and group scheduling has all that is needed', () => {
  assert.deepEqual(
    missingInKernel(kernelWith({ sched_info: ['last_queued'], cfs_rq: ['rq', 'throttle_count'] })),
    [],
  );
});

test('a kernel option that is off is named, with the field it would have brought', () => {
  const [info, group, bandwidth, ...others] = missingInKernel(kernelWith({ cfs_rq: ['load'] }));
  assert.match(info ?? '', /no sched_info\.last_queued .*CONFIG_SCHED_INFO=y/);
  assert.match(group ?? '', /no cfs_rq\.rq .*CONFIG_FAIR_GROUP_SCHED=y/);
  assert.match(bandwidth ?? '', /no cfs_rq\.throttle_count .*CONFIG_CFS_BANDWIDTH=y/);
  assert.deepEqual(others, []);
});

test('the error for an unsupported machine says all of it and what still works, and can be told by its code', () => {
  const cause = new Error('EPERM');
  const error = new UnsupportedError('attach to the scheduler', ['no BTF', 'no rights'], cause);
  assert.match(
    error.message,
    /^cannot attach to the scheduler: no BTF; no rights \(the receiver "cgroup" .* config\/examples\/without-ebpf\.yaml\)$/,
  );
  assert.deepEqual([error.code, error.cause, error.missing], ['UNSUPPORTED', cause, ['no BTF', 'no rights']]);
});
