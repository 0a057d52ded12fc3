import assert from 'node:assert/strict';
import { unlinkSync, writeFileSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import type { NativeObject, Target } from '../../../src/bpf/native.ts';
import { happen, native, openFixture, readVariable } from '../../kernel/native/fixture.ts';

/** What the machine that runs `test/kernel` may lack: kprobes, trampolines, a mounted tracefs. */

let object: NativeObject | undefined;
afterEach(() => {
  if (object) native.close(object);
  object = undefined;
});

function load(name: string, without: readonly string[] = []): NativeObject {
  object = openFixture({ without }, name);
  native.load(object);
  return object;
}

function unlinkFiles(count: number): void {
  for (let i = 0; i < count; i++) {
    writeFileSync('/tmp/earshot-unlinked', '');
    unlinkSync('/tmp/earshot-unlinked');
  }
}

function runsWhile(
  { program, counter, target }: { program: string; counter: string; target?: Target },
  act: () => void,
): number {
  assert.ok(object);
  const link = native.attachProgram(object, program, target);
  act();
  const runs = readVariable(object, counter);
  native.detach(object, link);
  act();
  assert.equal(readVariable(object, counter), runs, 'it does not run any more');
  return runs;
}

/** Not on 5.10: their helpers or attach types came with 5.18, 6.6 and 6.13. */
const newer = ['on_xdp', 'on_multi', 'on_session'];

test('kprobe runs at each call, kretprobe at each return', () => {
  load('links.bpf.o', newer);
  const target = { kind: 'kprobe', function: 'vfs_unlink' } as const;
  const act = () => unlinkFiles(6);
  assert.equal(runsWhile({ program: 'on_kprobe', counter: 'kprobe_runs', target }, act), 6);
  const returns = { ...target, isReturn: true };
  assert.equal(runsWhile({ program: 'on_kretprobe', counter: 'kretprobe_runs', target: returns }, act), 6);
});

test('fentry and fexit run at each call', () => {
  load('trampolines.bpf.o');
  const act = () => unlinkFiles(7);
  assert.equal(runsWhile({ program: 'on_entry', counter: 'fentry_runs' }, act), 7);
  assert.equal(runsWhile({ program: 'on_exit', counter: 'fexit_runs' }, act), 7);
});

test('tracepoint runs at each system call', () => {
  load('links.bpf.o', newer);
  const target = { kind: 'tracepoint', category: 'syscalls', name: 'sys_enter_getppid' } as const;
  const tracepoint = { program: 'on_tracepoint', counter: 'tracepoint_runs', target };
  assert.equal(
    runsWhile(tracepoint, () => happen(8)),
    8,
  );
});
