import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const applets = ['sh', 'cat', 'echo', 'false', 'sleep', 'taskset', 'timeout', 'true', 'usleep'];

/** An image of static busybox that sleeps by default, as an archive that `docker save` could have written. */
export function writeLoadImage(folder: string, tag: string): string {
  const busybox = '/bin/busybox';
  if (!existsSync(busybox))
    throw new Error('cannot make an image: /bin/busybox is missing (Debian: busybox-static)');
  const work = join(folder, 'load-image');
  const root = join(work, 'root');
  for (const directory of ['bin', 'tmp']) mkdirSync(join(root, directory), { recursive: true });
  copyFileSync(busybox, join(root, 'bin/busybox'));
  for (const applet of applets) symlinkSync('busybox', join(root, 'bin', applet));
  const tar = (file: string, from: string) =>
    execFileSync('tar', ['--create', '--file', join(work, file), '--directory', from, '.']);
  tar('layer.tar', root);
  const layer = createHash('sha256')
    .update(readFileSync(join(work, 'layer.tar')))
    .digest('hex');
  const config = {
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { Env: ['PATH=/bin'], Entrypoint: ['/bin/sleep'], Cmd: ['infinity'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
  };
  writeFileSync(join(work, 'config.json'), JSON.stringify(config));
  const manifest = [{ Config: 'config.json', RepoTags: [tag], Layers: ['layer.tar'] }];
  writeFileSync(join(work, 'manifest.json'), JSON.stringify(manifest));
  const archive = join(folder, 'load-image.tar');
  execFileSync('tar', [
    ...['--create', '--file', archive, '--directory', work],
    ...['manifest.json', 'config.json', 'layer.tar'],
  ]);
  return archive;
}
