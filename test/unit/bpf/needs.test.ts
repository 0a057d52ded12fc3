import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingInKernel, missingSupport, type Needs, type Support } from '../../../src/bpf/needs.ts';

const sysAdmin = 1n << 21n;
const perfmon = 1n << 38n;
const bpf = 1n << 39n;

const able: Support = {
  platform: 'linux',
  hasBtf: true,
  capabilities: sysAdmin,
  lockdown: '[none] integrity confidentiality',
};

const missingFor = (support: Support, needs: Needs = {}) => missingSupport(support, needs);

test('nothing is missing on a Linux with BTF, for root', () => {
  assert.deepEqual(missingFor(able), []);
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
    assert.equal(missingFor({ ...able, capabilities }).length, isEnough ? 0 : 1);
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
  test(`a missing requirement is named with its remedy: ${Object.keys(lack)}`, () => {
    const [sentence = '', ...others] = missingFor({ ...able, ...lack });
    assert.match(sentence, what);
    assert.match(sentence, remedy);
    assert.deepEqual(others, []);
  });

test('all missing requirements are reported at once', () => {
  const bare = { ...able, capabilities: 0n, hasBtf: false, lockdown: '[confidentiality]' };
  assert.equal(missingFor(bare).length, 3);
});

test('lockdown in integrity mode, or none at all, is no obstacle', () => {
  for (const lockdown of ['none [integrity] confidentiality', ''])
    assert.deepEqual(missingFor({ ...able, lockdown }), []);
});

test('on another system than Linux only that is reported', () => {
  assert.deepEqual(missingFor({ ...able, platform: 'darwin', hasBtf: false, capabilities: 0n }), [
    'this is not Linux',
  ]);
});

test('a missing capability of one object is named', () => {
  const needs = { capabilities: ['net_admin', 'sys_admin'] } as const;
  assert.deepEqual(missingFor({ ...able, capabilities: sysAdmin | (1n << 12n) }, needs), []);
  const [sentence = '', ...others] = missingFor(able, needs);
  assert.equal(sentence, 'no capability CAP_NET_ADMIN (run as root, or with it)');
  assert.deepEqual(others, []);
});

const kernel: Needs['kernel'] = [
  { struct: 'sched_info', member: 'last_queued', remedy: 'CONFIG_SCHED_INFO=y' },
  { struct: 'cfs_rq', member: 'throttle_count', remedy: 'CONFIG_CFS_BANDWIDTH=y' },
  { struct: 'bpf_perf_link', remedy: '5.15 or later' },
];
const missingIn = (structs: Readonly<Record<string, readonly string[]>>, needs: Needs) =>
  missingInKernel({ kernelStruct: (name) => structs[name], kernelMemberType: () => undefined }, needs);

test('a kernel with all structs and members misses nothing', () => {
  const structs = { sched_info: ['last_queued'], cfs_rq: ['rq', 'throttle_count'], bpf_perf_link: [] };
  assert.deepEqual(missingIn(structs, { kernel }), []);
  assert.deepEqual(missingIn({}, {}), []);
});

test('a missing struct or member is named with the kernel that has it', () => {
  assert.deepEqual(missingIn({ cfs_rq: ['load'] }, { kernel }), [
    'the kernel has no sched_info.last_queued (needs CONFIG_SCHED_INFO=y)',
    'the kernel has no cfs_rq.throttle_count (needs CONFIG_CFS_BANDWIDTH=y)',
    'the kernel has no struct bpf_perf_link (needs 5.15 or later)',
  ]);
});

const locks = [
  { kernel: '5.10 with PREEMPT_RT', spinlock: ['lock', 'break_lock'], ring: 'spinlock_t', sleeps: true },
  { kernel: '6.1.114 with PREEMPT_RT', spinlock: ['lock'], ring: 'spinlock_t', sleeps: true },
  { kernel: '6.1.115 with PREEMPT_RT', spinlock: ['lock'], ring: 'raw_spinlock_t', sleeps: false },
  { kernel: '7.3 with PREEMPT_RT', spinlock: ['lock'], ring: 'rqspinlock_t', sleeps: false },
  { kernel: '5.10', spinlock: ['rlock'], ring: 'spinlock_t', sleeps: false },
];
for (const { kernel: name, spinlock, ring, sleeps } of locks)
  test(`the lock of a ring buffer may ${sleeps ? '' : 'not '}sleep on ${name}`, () => {
    const types = {
      kernelStruct: (struct: string) => (struct === 'spinlock' ? spinlock : undefined),
      kernelMemberType: (struct: string, member: string) =>
        struct === 'bpf_ringbuf' && member === 'spinlock' ? ring : undefined,
    };
    const missing = missingInKernel(types, { sleeplessRing: true });
    assert.equal(missing.length, sleeps ? 1 : 0);
    if (sleeps) assert.match(missing[0] ?? '', /PREEMPT_RT.*6\.1\.115/);
    assert.deepEqual(missingInKernel(types, {}), []);
  });
