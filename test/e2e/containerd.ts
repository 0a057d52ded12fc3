import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Container {
  readonly id: string;
  /** Resolves when its command has ended. */
  readonly ended: Promise<unknown>;
  /** Kills it, and resolves when it has ended. */
  kill(): Promise<void>;
}

export interface ContainerOptions {
  readonly cpu?: number;
  /** µs in each 100 ms. */
  readonly quota?: number;
  /** 1024 are those of any other. */
  readonly shares?: number;
}

export interface Containerd {
  /** Runs a shell command in a container of its own, on the given CPU, with real runc. */
  start(id: string, command: string, options?: ContainerOptions): Container;
  close(): Promise<void>;
}

/** A containerd of our own, with state, root and socket in a folder that is removed at the end. */
export async function startContainerd(): Promise<Containerd> {
  const state = mkdtempSync(join(tmpdir(), 'earshot-containerd-'));
  const socket = join(state, 'containerd.sock');
  const config = join(state, 'config.toml');
  writeFileSync(
    config,
    `version = 2
root = "${state}/root"
state = "${state}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${socket}"
`,
  );
  const rootfs = makeRootfs(join(state, 'rootfs'));
  const daemon = spawn('containerd', ['--config', config], { stdio: 'ignore' });
  const ctr = (...args: readonly string[]) => run('ctr', ['--address', socket, ...args]);
  await untilReady(daemon, () => ctr('version'));
  const ids: string[] = [];
  return {
    start(id, command, { cpu, quota, shares } = {}) {
      ids.push(id);
      const limits = [
        ...(quota === undefined ? [] : ['--cpu-quota', String(quota), '--cpu-period', '100000']),
        ...(shares === undefined ? [] : ['--cpu-shares', String(shares)]),
      ];
      const pinned = cpu === undefined ? command : `taskset ${(1 << cpu).toString(16)} ${command}`;
      const ended = ctr(
        'run',
        '--rootfs',
        '--env',
        'PATH=/bin',
        ...limits,
        rootfs,
        id,
        '/bin/sh',
        '-c',
        pinned,
      );
      return {
        id,
        ended,
        async kill() {
          await ctr('task', 'kill', '--signal', 'KILL', id);
          await ended.catch(ignoreKilled);
        },
      };
    },
    async close() {
      for (const id of ids) {
        await ctr('task', 'kill', '--signal', 'KILL', id).catch(ignoreGone);
        await ctr('task', 'delete', '--force', id).catch(ignoreGone);
        await ctr('container', 'delete', id).catch(ignoreGone);
      }
      daemon.kill('SIGTERM');
      if (daemon.exitCode === null) await once(daemon, 'exit');
      rmSync(state, { recursive: true, force: true });
    },
  };
}

/** Static busybox under the names of its applets. */
function makeRootfs(rootfs: string): string {
  const busybox = '/bin/busybox';
  if (!existsSync(busybox))
    throw new Error('cannot run containers: /bin/busybox is missing (Debian: busybox-static)');
  for (const directory of ['bin', 'proc', 'sys', 'dev', 'tmp', 'etc'])
    mkdirSync(join(rootfs, directory), { recursive: true });
  copyFileSync(busybox, join(rootfs, 'bin/busybox'));
  for (const applet of ['sh', 'taskset', 'timeout', 'sleep', 'usleep'])
    symlinkSync('busybox', join(rootfs, 'bin', applet));
  return rootfs;
}

async function untilReady(daemon: ChildProcess, probe: () => Promise<unknown>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (daemon.exitCode !== null)
      throw new Error(`cannot start containerd: it ended with ${daemon.exitCode}`);
    try {
      await probe();
      return;
    } catch {
      await sleep(100); // not listening yet
    }
  }
  throw new Error('cannot start containerd: it does not answer within 10 s');
}

/** The exit code of a killed command is that of a failure. */
function ignoreKilled(): void {}

/** A container that has ended is gone already. */
function ignoreGone(): void {}
