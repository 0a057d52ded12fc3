import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { NativeObject, OpenOptions, Target } from '../../../src/bpf/native.ts';
import { fixture, happen, native, openDescriptors, openFixture, readVariable } from './fixture.ts';
import { type Probed, probedBinary, startProbed } from './probed.ts';

/** The sections that libbpf 1.1 does not know. */
const programs = {
  on_multi: { type: 'kprobe', attachType: 'trace_uprobe_multi' },
  on_session: { type: 'kprobe', attachType: 'trace_uprobe_session' },
};

let probed: Probed;
const loaded: NativeObject[] = [];
before(async () => {
  probed = await startProbed();
});
after(() => probed.close());
afterEach(() => {
  for (const each of loaded.splice(0)) native.close(each); // else garbage has descriptors until it is collected
});

function load(name = 'links.bpf.o', options: OpenOptions = { programs }): NativeObject {
  const object = name === 'usdt.bpf.o' ? native.open(fixture(name), {}) : openFixture(options, name);
  loaded.push(object);
  native.load(object);
  return object;
}

function last(): NativeObject {
  const object = loaded.at(-1);
  assert.ok(object, 'no object is loaded');
  return object;
}

/** What the program counted while it was attached, and that it counts nothing afterwards. */
async function runsWhile(
  { program, target, counter }: { program: string; target?: Target; counter: string },
  act: () => void | Promise<void>,
): Promise<number> {
  const of = loaded.at(-1) ?? load();
  const isAttached = () => native.programs(of).find(({ name }) => name === program)?.attached;
  const descriptors = openDescriptors();
  assert.equal(isAttached(), false);
  const link = native.attachProgram(of, program, target);
  assert.equal(isAttached(), true);
  const start = readVariable(of, counter);
  await act();
  const end = readVariable(of, counter);
  native.detach(of, link);
  assert.equal(isAttached(), false);
  assert.equal(openDescriptors(), descriptors);
  // The clock may have ticked once more between the reading and the detaching.
  const detached = readVariable(of, counter);
  await act();
  assert.equal(readVariable(of, counter), detached, 'it does not run any more');
  return end - start;
}

test('auto-attach follows the section: tp_btf, raw_tp', async () => {
  const act = () => happen(7);
  assert.equal(await runsWhile({ program: 'on_tp_btf', counter: 'tp_btf_runs' }, act), 7);
  assert.equal(await runsWhile({ program: 'on_raw_tp', counter: 'raw_tp_runs' }, act), 7);
});

test('raw tracepoint: the target sets its name', async () => {
  const target = { kind: 'raw_tracepoint', name: 'sys_enter' } as const;
  const runs = { program: 'on_named_raw_tp', counter: 'named_raw_tp_runs', target };
  assert.equal(await runsWhile(runs, () => happen(9)), 9);
});

test('uprobe: placed by symbol, by offset and by an offset from a symbol', async () => {
  const uprobe = { kind: 'uprobe', binary: probedBinary } as const;
  const { first, second } = probed.offsets;
  for (const [target, runs] of [
    [{ ...uprobe, symbol: 'first' }, 5],
    [{ ...uprobe, offset: first }, 5],
    [{ ...uprobe, offset: BigInt(second) }, 1],
    [{ ...uprobe, symbol: 'first', offset: second - first }, 1],
  ] as const)
    assert.equal(
      await runsWhile({ program: 'on_uprobe', counter: 'uprobe_runs', target }, () => probed.call(5)),
      runs,
    );
});

test('uretprobe: runs at each return', async () => {
  const target = { kind: 'uprobe', binary: probedBinary, symbol: 'first', isReturn: true } as const;
  const runs = { program: 'on_uretprobe', counter: 'uretprobe_runs', target };
  assert.equal(await runsWhile(runs, () => probed.call(6)), 6);
});

test('uprobe with a pid: does not run for another process', async () => {
  const other = await startProbed();
  const both = async () => {
    await probed.call(3);
    await other.call(4);
  };
  const one = { binary: probedBinary, pid: other.pid } as const;
  const offsets = [other.offsets.first];
  load();
  for (const [program, counter, target] of [
    ['on_uprobe', 'uprobe_runs', { kind: 'uprobe', ...one, symbol: 'first' }],
    ['on_multi', 'multi_runs', { kind: 'uprobe_multi', ...one, offsets }],
  ] as const)
    assert.equal(await runsWhile({ program, counter, target }, both), 4, program);
  await other.close();
});

test('uprobe_multi: one link has many places, each with its cookie', async () => {
  const { first, second } = probed.offsets;
  const target: Target = {
    kind: 'uprobe_multi',
    binary: probedBinary,
    offsets: [first, BigInt(second)],
    cookies: [10n, 1000],
  };
  assert.equal(
    await runsWhile({ program: 'on_multi', counter: 'multi_runs', target }, () => probed.call(4)),
    5,
  );
  assert.equal(readVariable(last(), 'multi_cookies'), 4 * 10 + 1000);
});

test('uprobe_multi: at returns it runs once for each, as a session at entry and return', async () => {
  const target: Target = { kind: 'uprobe_multi', binary: probedBinary, offsets: [probed.offsets.first] };
  const returns: Target = { ...target, isReturn: true };
  assert.equal(
    await runsWhile({ program: 'on_multi', counter: 'multi_runs', target: returns }, () => probed.call(4)),
    4,
  );
  assert.equal(
    await runsWhile({ program: 'on_session', counter: 'session_runs', target }, () => probed.call(4)),
    8,
  );
});

test('USDT: arguments and cookie arrive', async () => {
  load('usdt.bpf.o');
  const target = {
    kind: 'usdt',
    binary: probedBinary,
    provider: 'earshot',
    name: 'called',
    cookie: 7n,
  } as const;
  const marker = { program: 'on_marker', counter: 'usdt_runs' };
  assert.equal(await runsWhile({ ...marker, target }, () => probed.call(5)), 5);
  const value = (name: string) => readVariable(last(), name);
  assert.equal(value('first_argument'), 0 + 1 + 2 + 3 + 4);
  assert.equal(value('second_argument'), 2 * (0 + 1 + 2 + 3 + 4));
  assert.equal(value('cookies'), 5 * 7);
  const one = { ...target, pid: probed.pid };
  assert.equal(await runsWhile({ ...marker, target: one }, () => probed.call(2)), 2);
});

/** For so long on a CPU, seconds. */
function burn(seconds: number): void {
  const start = process.cpuUsage();
  for (;;) {
    const { user, system } = process.cpuUsage(start);
    if ((user + system) / 1e6 >= seconds) return;
  }
}

/** Numbers of the CPUs that are online. */
const online = readFileSync('/sys/devices/system/cpu/online', 'utf8')
  .split(',')
  .flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });

/** Lets this thread run on these CPUs only. */
const pin = (cpus: readonly number[]) => execFileSync('taskset', ['-pc', cpus.join(','), `${process.pid}`]);

const sampling = { program: 'on_sample', counter: 'samples' };
const hz = 997;
const expected = 0.4 * hz;
const off = (samples: number) => Math.abs(samples / expected - 1);

test('perf event: samples of the CPU clock on all CPUs, each by its own link, and of one thread', async () => {
  const target = { kind: 'perf_event', hz, cpus: online } as const;
  const everywhere = await runsWhile({ ...sampling, target }, () => burn(0.4));
  assert.ok(off(everywhere) < 0.3, `${everywhere} samples on all CPUs`);
  const ofThread = { kind: 'perf_event', hz, pid: process.pid } as const;
  const mine = await runsWhile({ ...sampling, target: ofThread }, () => burn(0.4));
  assert.ok(off(mine) < 0.3, `${mine} samples of the main thread`);

  const of = load();
  const links = online.map((cpu) =>
    native.attachProgram(of, 'on_sample', { kind: 'perf_event', hz, cpus: [cpu] }),
  );
  burn(0.4);
  for (const link of links) native.detach(of, link);
  assert.ok(off(readVariable(of, 'samples')) < 0.3, 'one link a CPU');
});

test('perf event: CPUs are those of the given numbers, which may have gaps', async (context) => {
  const [first, last] = [online[0] ?? 0, online.at(-1) ?? 0];
  if (first === last) return context.skip('one CPU is online');
  pin([last]);
  try {
    const at = (cpus: readonly number[]) =>
      runsWhile({ ...sampling, target: { kind: 'perf_event', hz, cpus } }, () => burn(0.4));
    const there = await at([last]);
    assert.ok(off(there) < 0.3, `${there} samples on CPU ${last}, where this thread runs`);
    assert.equal(await at([first]), 0);
  } finally {
    pin(online);
  }
});

test('closing an object detaches all its links', async () => {
  const descriptors = openDescriptors();
  const of = load();
  native.attach(of);
  native.attachProgram(of, 'on_uprobe', { kind: 'uprobe', binary: probedBinary, symbol: 'first' });
  native.attachProgram(of, 'on_uprobe', { kind: 'uprobe', binary: probedBinary, symbol: 'second' });
  native.attachProgram(of, 'on_sample', { kind: 'perf_event', hz: 99, cpus: online });
  await probed.call(3);
  happen(2);
  assert.equal(readVariable(of, 'uprobe_runs'), 4, 'one program at two places');
  assert.equal(readVariable(of, 'tp_btf_runs'), 2);
  native.close(of);
  assert.equal(openDescriptors(), descriptors);
});

test('`attach` skips programs that need a target', () => {
  const of = load();
  native.attach(of);
  const attached = native.programs(of).filter((program) => program.attached);
  assert.deepEqual(
    attached.map(({ name, type, section }) => ({ name, type, section })),
    [
      { name: 'on_tp_btf', type: 'tracing', section: 'tp_btf/sys_enter' },
      { name: 'on_raw_tp', type: 'raw_tracepoint', section: 'raw_tp/sys_enter' },
    ],
  );
});

const isRefused = (what: object) => (error: object) => {
  assert.deepEqual({ ...error, ...what }, { ...error });
  return true;
};

/** This kernel is built without kprobes; where there are some, `test/vm` runs them. */
test('kprobe: a kernel without kprobes is refused with that reason', () => {
  const of = load();
  const descriptors = openDescriptors();
  for (const [program, isReturn] of [
    ['on_kprobe', false],
    ['on_kretprobe', true],
  ] as const)
    assert.throws(
      () => native.attachProgram(of, program, { kind: 'kprobe', function: 'vfs_unlink', isReturn }),
      isRefused({ code: 'ENOENT', operation: 'attach', program, feature: 'kprobe', minimumKernel: '4.1' }),
    );
  assert.equal(openDescriptors(), descriptors);
});

/** This kernel allows no trampolines (EPERM). */
test('a refused program type is named, and the object loads without that program', () => {
  const refused = openFixture({}, 'trampolines.bpf.o');
  assert.throws(
    () => native.load(refused),
    isRefused({
      code: 'EPERM',
      operation: 'load',
      program: 'on_entry',
      feature: 'fentry',
      minimumKernel: '5.5',
    }),
  );
  native.close(refused);
  const without = load('trampolines.bpf.o', { without: ['on_entry', 'on_exit'] });
  native.attach(without);
  happen(3);
  assert.equal(readVariable(without, 'probe_runs'), 3);
});

test('a section unknown to libbpf needs load settings', () => {
  const of = openFixture({}, 'links.bpf.o');
  assert.throws(() => native.load(of), { code: 'EINVAL', message: /on_multi/ });
  native.close(of);
});

test('a missing target is refused, and no descriptor stays open', () => {
  const of = load();
  native.detach(of, native.attachProgram(of, 'on_tp_btf'));
  const descriptors = openDescriptors();
  const file = join(tmpdir(), `earshot-${process.pid}`);
  writeFileSync(file, 'no ELF file');
  const offsets = [probed.offsets.first];
  for (const [program, target, expected] of [
    [
      'on_uprobe',
      { kind: 'uprobe', binary: '/nonexistent', offset: 1 },
      { code: 'ENOENT', feature: 'uprobe' },
    ],
    ['on_uprobe', { kind: 'uprobe', binary: probedBinary, symbol: 'absent' }, { code: 'ENOENT' }],
    ['on_uprobe', { kind: 'uprobe', binary: file, symbol: 'first' }, { code: 'ELIBBPF' }],
    ['on_uprobe', { kind: 'uprobe', binary: probedBinary, offset: 1, pid: 2 ** 31 - 1 }, { code: 'ESRCH' }],
    ['on_sample', { kind: 'uprobe', binary: probedBinary, symbol: 'first' }, { code: 'EINVAL' }],
    [
      'on_multi',
      { kind: 'uprobe_multi', binary: '/nonexistent', offsets },
      { code: 'ENOENT', feature: 'uprobe_multi', minimumKernel: '6.6' },
    ],
    [
      'on_multi',
      { kind: 'uprobe_multi', binary: probedBinary, offsets, pid: 2 ** 31 - 1 },
      { code: 'ESRCH' },
    ],
    ['on_uprobe', { kind: 'uprobe_multi', binary: probedBinary, offsets }, { code: 'EINVAL' }],
    [
      'on_uprobe',
      { kind: 'usdt', binary: probedBinary, provider: 'earshot', name: 'called' },
      { code: 'ESRCH' },
    ],
    ['on_sample', { kind: 'perf_event', hz: 99, cpus: [0, 100_000] }, { code: 'EINVAL' }],
    ['on_sample', { kind: 'perf_event', hz: 99, cpus: [2 ** 32 - 1] }, { code: 'EINVAL' }],
    ['on_sample', { kind: 'perf_event', hz: 2_000_000_000, cpus: online }, { code: 'EINVAL' }],
    ['on_sample', { kind: 'perf_event', hz: 99, pid: 2 ** 31 - 1 }, { code: 'ESRCH', feature: 'perf_event' }],
    ['on_sockops', { kind: 'cgroup', path: '/nonexistent' }, { code: 'ENOENT' }],
    [
      'on_sockops',
      { kind: 'cgroup', path: '/proc' },
      { code: 'EBADF', feature: 'sock_ops', minimumKernel: '5.7' },
    ],
    ['on_socket', { kind: 'socket', fd: 100_000 }, { code: 'EBADF', feature: 'socket_filter' }],
    [
      'on_tcx',
      { kind: 'tcx', ifindex: 2 ** 31 - 1, direction: 'ingress' },
      { feature: 'tcx', minimumKernel: '6.6' },
    ],
    ['on_xdp', { kind: 'xdp', ifindex: 2 ** 31 - 1 }, { feature: 'xdp' }],
    ['on_named_raw_tp', { kind: 'raw_tracepoint', name: 'earshot_absent' }, { code: 'ENOENT' }],
    ['on_tracepoint', { kind: 'tracepoint', category: 'earshot', name: 'absent' }, { code: 'ENOENT' }],
    ['on_uprobe', undefined, { code: 'EOPNOTSUPP' }],
  ] as const)
    assert.throws(
      () => native.attachProgram(of, program, target),
      isRefused({ ...expected, operation: 'attach', program }),
      `${program} ${JSON.stringify(target)}`,
    );
  unlinkSync(file);
  assert.equal(openDescriptors(), descriptors);
});
