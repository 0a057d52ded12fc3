/**
 * The agent's image without a Docker daemon, from this checkout and this machine's libraries, after `npm run build`:
 *
 *   scripts/build-image.ts OUT.tar [--tag localhost/earshot:test]    an OCI archive, for `ctr images import`, `podman load`
 *   scripts/build-image.ts --root DIRECTORY                          its files alone, as the Dockerfile does it
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  createReadStream,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { imageConfig } from './image-config.ts';
import { writeImageRoot } from './image-root.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { root: { type: 'string' }, tag: { type: 'string', default: 'localhost/earshot:test' } },
});
const [archive] = positionals;
if (positionals.length > 1 || (archive === undefined) === (values.root === undefined))
  throw new Error(
    'cannot build an image: type `scripts/build-image.ts OUT.tar [--tag NAME]` or `--root DIRECTORY`',
  );

if (values.root !== undefined) writeImageRoot(values.root);
else if (archive !== undefined) await buildArchive(archive, values.tag);

/** https://github.com/opencontainers/image-spec/blob/main/image-layout.md */
async function buildArchive(archive: string, tag: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'earshot-image-'));
  try {
    const [root, layout] = [join(work, 'root'), join(work, 'layout')];
    const blobs = join(layout, 'blobs/sha256');
    mkdirSync(blobs, { recursive: true });
    writeImageRoot(root);

    const layerFile = join(work, 'layer.tar');
    pack(layerFile, root);
    const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar', ...(await describe(layerFile)) };
    renameSync(layerFile, join(blobs, hexOf(layer.digest)));

    const put = (mediaType: string, content: unknown) => {
      const text = JSON.stringify(content);
      const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
      writeFileSync(join(blobs, hexOf(digest)), text);
      return { mediaType, digest, size: Buffer.byteLength(text) };
    };
    const config = put('application/vnd.oci.image.config.v1+json', {
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: imageConfig(readFileSync(new URL('../Dockerfile', import.meta.url), 'utf8')),
      rootfs: { type: 'layers', diff_ids: [layer.digest] },
    });
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = put(mediaType, { schemaVersion: 2, mediaType, config, layers: [layer] });
    const annotations = { 'io.containerd.image.name': tag, 'org.opencontainers.image.ref.name': tag };
    const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
    writeFileSync(join(layout, 'index.json'), JSON.stringify(index));
    writeFileSync(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    pack(archive, layout);
    console.log(`${archive}: ${tag}, ${Math.round(layer.size / 2 ** 20)} MiB, ${manifest.digest}`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The same files make the same bytes. */
function pack(archive: string, directory: string): void {
  const same = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  execFileSync('tar', ['--create', `--file=${archive}`, ...same, `--directory=${directory}`, '.']);
}

async function describe(file: string) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return { digest: `sha256:${hash.digest('hex')}`, size: statSync(file).size };
}

function hexOf(digest: string): string {
  return digest.slice('sha256:'.length);
}
