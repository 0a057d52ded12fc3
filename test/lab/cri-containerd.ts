import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { busyboxImage, makeBusyboxImage } from './busybox-image.ts';

export interface CriContainerd {
  readonly folder: string;
  readonly socketPath: string;
  stop(): Promise<void>;
  /** Such as SIGSTOP, to make it hang. */
  signal(signal: NodeJS.Signals): void;
  start(): Promise<void>;
  /** Stops it and removes its folder; its pods must be gone. */
  close(): Promise<void>;
}

/** A containerd of our own with its CRI plugin and the test's image; from the folder given, else from the system. */
export async function startCriContainerd(binaries?: string): Promise<CriContainerd> {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-cri-'));
  const socketPath = join(folder, 'containerd.sock');
  const log = join(folder, 'log');
  // A newer containerd takes this older form too. Without CAP_SYS_RESOURCE no process may be made harder to kill.
  writeFileSync(
    join(folder, 'config.toml'),
    `version = 2
root = "${folder}/root"
state = "${folder}/state"
[grpc]
  address = "${socketPath}"
[plugins."io.containerd.grpc.v1.cri"]
  disable_apparmor = true
  restrict_oom_score_adj = true
  sandbox_image = "${busyboxImage}"
[plugins."io.containerd.grpc.v1.cri".cni]
  conf_dir = "${folder}/cni"
`,
  );
  const path = [binaries, process.env.PATH, '/usr/sbin'].filter(Boolean).join(delimiter);
  const env = { ...process.env, PATH: path };
  const ctr = (...args: readonly string[]) =>
    promisify(execFile)('ctr', ['--address', socketPath, '--namespace', 'k8s.io', ...args], {
      env,
      timeout: 30_000,
    });
  let daemon: ChildProcess | undefined;
  const containerd: CriContainerd = {
    folder,
    socketPath,
    async start() {
      const output = openSync(log, 'a');
      daemon = spawn('containerd', ['--config', join(folder, 'config.toml')], {
        env,
        stdio: ['ignore', output, output],
      });
      for (const end = performance.now() + 20_000; performance.now() < end; await sleep(50)) {
        if (daemon.exitCode !== null) break;
        try {
          await ctr('version');
          return;
        } catch {
          // not listening yet
        }
      }
      throw new Error(
        `cannot start containerd: ${readFileSync(log, 'utf8').split('\n').slice(-5).join('\n')}`,
      );
    },
    signal(signal) {
      daemon?.kill(signal);
    },
    async stop() {
      const running = daemon;
      daemon = undefined;
      if (!running || running.exitCode !== null) return;
      running.kill('SIGTERM');
      await once(running, 'exit');
    },
    async close() {
      await containerd.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await containerd.start();
    await ctr('images', 'import', makeBusyboxImage(folder));
    return containerd;
  } catch (error) {
    await containerd.close();
    throw error;
  }
}
