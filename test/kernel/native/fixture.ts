import { readdirSync } from 'node:fs';
import { arch } from 'node:process';
import { fileURLToPath } from 'node:url';
import { loadNative, type NativeObject, type OpenOptions } from '../../../src/bpf/native.ts';

/** The addon under test: `EARSHOT_TEST_ADDON` names another build of it, such as the sanitized one. */
export const native = loadNative(process.env.EARSHOT_TEST_ADDON);

/** An object the agent ships. */
export const builtObject = (name: string) =>
  fileURLToPath(new URL(`../../../build/${name}`, import.meta.url));
export const fixture = (name: string) =>
  fileURLToPath(new URL(`../../../build/test/${name}`, import.meta.url));

const getppid: Partial<Record<string, number>> = { x64: 110, arm64: 173 };

/** Opens a fixture so that each `happen()` of this process is one run of its program. */
export function openFixture(options: OpenOptions = {}, name = 'native.bpf.o'): NativeObject {
  const syscall = getppid[arch];
  if (syscall === undefined) throw new Error(`no number of the getppid system call for ${arch}`);
  const rodata = { target: process.pid, syscall, ...options.rodata };
  return native.open(fixture(name), { ...options, rodata });
}

export function attachFixture(options: OpenOptions = {}, name = 'native.bpf.o'): NativeObject {
  const object = openFixture(options, name);
  native.load(object);
  native.attach(object);
  return object;
}

/** Each read of `process.ppid` is one system call. */
export function happen(times: number): void {
  for (let i = 0; i < times; i++) if (process.ppid < 0) throw new Error('no parent process');
}

/** Descriptors open in this process, the one that reads the directory not counted. */
export const openDescriptors = () => readdirSync('/proc/self/fd').length - 1;

/** The total of a map of one u64. */
export function readCount(object: NativeObject, map: string, key = 0): number {
  const value = native.lookup(object, map, new Uint8Array(Uint32Array.of(key).buffer));
  return value ? Number(new DataView(value.buffer).getBigUint64(0, true)) : Number.NaN;
}

/** A global variable of the programs, u64. */
export function readVariable(object: NativeObject, name: string): number {
  const { value, valueSize } = native.map(object, '.bss');
  const member = value?.kind === 'struct' ? value.members.find((of) => of.name === name) : undefined;
  if (!member) throw new Error(`no variable ${name}`);
  const into = new Uint8Array(Math.ceil(valueSize / 8) * 8);
  native.readArray(object, '.bss', into);
  return Number(new DataView(into.buffer).getBigUint64(member.offset, true));
}

/** Name, type, sizes of key and value, and entries of the maps of `fixtures/maps.bpf.c`, with 128 `recent` ones. */
export const mapShapes = [
  ['described', 'hash', 8, 40, 8],
  ['by_cpu', 'percpu_hash', 4, 4, 8],
  ['recent_by_cpu', 'lru_percpu_hash', 4, 8, 64],
  ['cells_by_cpu', 'percpu_array', 4, 8, 3],
  ['plain', 'array', 4, 8, 5],
  ['recent', 'lru_hash', 4, 8, 128],
  ['prefixes', 'lpm_trie', 8, 8, 4],
  ['stacks', 'stack_trace', 4, 128, 64],
  ['sockets', 'sk_storage', 4, 8, 0],
  ['threads', 'task_storage', 4, 8, 0],
  ['ring', 'ringbuf', 0, 0, 65536],
] as const;
