import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

export const busyboxImage = 'localhost/earshot-test:1';
export const busyboxImageNeeds = ['busybox', 'umoci', 'skopeo'] as const;

/** An archive, in a new folder below the given one, that runtimes can import: this machine's busybox, which sleeps. */
export function makeBusyboxImage(folder: string): string {
  const layout = join(folder, 'image');
  const bundle = join(folder, 'bundle');
  const run = (command: string, ...args: readonly string[]) =>
    execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 60_000 });
  run('umoci', 'init', '--layout', layout);
  run('umoci', 'new', '--image', `${layout}:1`);
  run('umoci', 'unpack', '--image', `${layout}:1`, bundle);
  for (const directory of ['bin', 'tmp']) mkdirSync(join(bundle, 'rootfs', directory));
  copyFileSync('/bin/busybox', join(bundle, 'rootfs/bin/busybox'));
  for (const applet of ['sh', 'sleep']) symlinkSync('busybox', join(bundle, 'rootfs/bin', applet));
  run('umoci', 'repack', '--image', `${layout}:1`, bundle);
  const program = ['--config.entrypoint', '/bin/sleep', '--config.cmd', '3600'];
  run('umoci', 'config', '--image', `${layout}:1`, ...program);
  const archive = join(folder, 'image.tar');
  run('skopeo', 'copy', '--quiet', `oci:${layout}:1`, `oci-archive:${archive}:${busyboxImage}`);
  return archive;
}
