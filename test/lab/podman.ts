import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { busyboxImage, makeBusyboxImage } from './busybox-image.ts';

export interface Podman {
  readonly socketPath: string;
  /** Starts a container that sleeps, or runs a script; its id. */
  run(name: string, options?: readonly string[], script?: string): Promise<string>;
  remove(name: string): Promise<void>;
  /** Of its API; containers go on without it. */
  startService(): Promise<void>;
  stopService(): Promise<void>;
  /** Removes its containers and its folder. */
  close(): Promise<void>;
}

/** A Podman of our own: storage, state and API socket in a folder that is removed at the end. */
export async function startPodman(): Promise<Podman> {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-podman-'));
  const socketPath = join(folder, 'podman.sock');
  const global = [
    ...['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--tmpdir', join(folder, 'tmp')],
    ...['--storage-driver=vfs', '--cgroup-manager=cgroupfs', '--events-backend=file'],
  ];
  const command = async (...args: readonly string[]) =>
    (await promisify(execFile)('podman', [...global, ...args], { timeout: 60_000 })).stdout.trim();
  let service: ChildProcess | undefined;
  const podman: Podman = {
    socketPath,
    run: (name, options = [], script = 'exec sleep 3600') =>
      command(
        ...['run', '--detach', '--name', name, '--network=none', '--entrypoint=/bin/busybox', ...options],
        // Within what a process without CAP_SYS_RESOURCE may have.
        ...['--ulimit=nofile=1024:1024', '--ulimit=nproc=1024:1024', busyboxImage, 'sh', '-c', script],
      ),
    async remove(name) {
      await command('rm', '--force', '--time=0', name);
    },
    async startService() {
      rmSync(socketPath, { force: true });
      service = spawn('podman', [...global, 'system', 'service', '--time=0', `unix://${socketPath}`], {
        stdio: 'ignore',
      });
      for (const end = performance.now() + 20_000; !existsSync(socketPath); await sleep(20))
        if (service.exitCode !== null || performance.now() > end)
          throw new Error('cannot start the service of Podman: its socket does not appear');
    },
    async stopService() {
      const running = service;
      service = undefined;
      if (!running || running.exitCode !== null) return;
      running.kill('SIGTERM');
      await once(running, 'exit');
    },
    async close() {
      await command('rm', '--all', '--force', '--time=0').catch(() => {}); // what is left is found in the folder
      await podman.stopService();
      await untilUnused(folder);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await command('load', '--input', makeBusyboxImage(folder));
    await podman.startService();
    return podman;
  } catch (error) {
    await podman.close();
    throw error;
  }
}

/** What cleans up after a container runs on when the container is removed, and would make files anew. */
async function untilUnused(folder: string): Promise<void> {
  const isUsed = () =>
    globSync('/proc/[0-9]*/cmdline').some((file) => {
      try {
        return readFileSync(file, 'utf8').includes(folder);
      } catch {
        return false; // ended just now
      }
    });
  for (const end = performance.now() + 10_000; isUsed() && performance.now() < end; ) await sleep(50);
}
