import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { file } from '../../../src/exporters/file/file.ts';
import { codecOf } from '../../../src/telemetry/otlp.ts';
import { nanoseconds, seconds } from '../../../src/telemetry/units.ts';
import { batchWith, itemsIn } from '../../unit/batch-with.ts';
import { fakeHost } from '../../unit/fake-host.ts';

const inside = 'EARSHOT_TEST_SMALL_DISK';
const directory = process.env[inside];

// In mounts of its own: those of the machine stay as they are.
if (directory === undefined)
  test('a full disk rejects a batch, leaves nothing of it, and takes the next one when there is room', (t) => {
    const at = mkdtempSync(join(tmpdir(), 'earshot-small-disk-'));
    t.after(() => rmSync(at, { recursive: true }));
    const result = join(at, 'result');
    const script = `mount -t tmpfs -o size=512k tmpfs "$0/disk" && exec "$1" "$2"`;
    execFileSync('mkdir', [join(at, 'disk')]);
    execFileSync(
      'unshare',
      [
        '--mount',
        '--propagation',
        'private',
        'sh',
        '-c',
        script,
        at,
        process.execPath,
        fileURLToPath(import.meta.url),
      ],
      { env: { ...process.env, [inside]: at, NODE_TEST_CONTEXT: undefined } },
    );
    const { codes, written, labels } = JSON.parse(readFileSync(result, 'utf8'));
    assert.deepEqual(codes, ['ENOSPC', 'ENOSPC', 'ENOSPC']);
    assert.ok(written > 10);
    assert.deepEqual(labels, [...Array.from({ length: written }, (_, n) => `before ${n}`), 'after']);
  });
else await fill(directory);

/** Writes until the disk is full, thrice beyond, and once more when there is room. */
async function fill(at: string): Promise<void> {
  const path = join(at, 'disk', 'data.json');
  const filler = join(at, 'disk', 'filler');
  writeFileSync(filler, Buffer.alloc(100_000));
  const exporter = await file.open(
    {
      path,
      append: false,
      format: 'json',
      flush_interval: seconds(1),
      sync_interval: nanoseconds(0),
      create_directory: false,
    },
    fakeHost('file', file.emits).host,
  );
  const padding = 'x'.repeat(7000);
  const write = (label: string) => exporter.write(batchWith('logs', { [padding]: [label] }));
  const codes: unknown[] = [];
  let written = 0;
  while (codes.length < 3)
    await write(`before ${written}`).then(
      () => written++,
      (error: NodeJS.ErrnoException) => codes.push(error.code),
    );
  rmSync(filler);
  await write('after');
  await exporter.close();
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  const labels = lines.flatMap((line) =>
    itemsIn(codecOf('logs').decode(Buffer.from(line), 'json')).map(({ label }) => label),
  );
  writeFileSync(join(at, 'result'), JSON.stringify({ codes, written, labels }));
}
