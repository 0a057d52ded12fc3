import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, type TestContext, test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { loadConfig } from '../../../../src/config/load.ts';
import { file } from '../../../../src/exporters/file/file.ts';
import { cgroup } from '../../../../src/receivers/cgroup/cgroup.ts';
import { codecOf } from '../../../../src/telemetry/otlp.ts';
import { seconds } from '../../../../src/telemetry/units.ts';
import { batchWith, itemsIn } from '../../batch-with.ts';
import { FakeClock } from '../../fake-clock.ts';
import { fakeHost } from '../../fake-host.ts';

let directory = '';
let path = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'earshot-file-'));
  path = join(directory, 'data.json');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function settingsOf(text: string) {
  const input = {
    ...{ files: ['test'], sets: [], environment: {} },
    readFile: () => `receivers: {cgroup: }
exporters: {file: ${text}}
service: {pipelines: {metrics: {receivers: [cgroup], exporters: [file]}}}`,
  };
  const { config } = loadConfig(input, [cgroup, file]).exporters.get('file') ?? assert.fail('no exporter');
  return config as Parameters<typeof file.open>[0];
}

async function setUp(t: TestContext, more = '', at = path) {
  const { host } = fakeHost('file', file.emits);
  const clock = new FakeClock();
  const exporter = await file.open(settingsOf(`{path: "${at}"${more}}`), { ...host, clock });
  t.after(() => exporter.close());
  const counted = () =>
    Object.fromEntries(host.counters.read().map(({ metric, value }) => [metric.name, value] as const));
  return { exporter, clock, counted };
}

const signals = ['metrics', 'logs', 'traces'] as const;
const batchOf = (signal: (typeof signals)[number], label = 'a') => batchWith(signal, { one: [label, 'b'] });
/** Of which a file of a mebibyte holds one. */
const large = (label: string) => batchWith('logs', { one: [label, 'x'.repeat(600_000)] });
const linesIn = (of = path) => readFileSync(of, 'utf8').split('\n').slice(0, -1);
const logsIn = (of = path) =>
  linesIn(of).flatMap((line) => itemsIn(codecOf('logs').decode(Buffer.from(line), 'json')));

describe('format', () => {
  for (const signal of signals)
    test(`a line of JSON for each batch of ${signal}`, async (t) => {
      const { exporter } = await setUp(t);
      await exporter.write(batchOf(signal));
      await exporter.write(batchOf(signal, 'c'));
      const decoded = linesIn().map((line) => itemsIn(codecOf(signal).decode(Buffer.from(line), 'json')));
      assert.deepEqual(decoded, [itemsIn(batchOf(signal)), itemsIn(batchOf(signal, 'c'))]);
    });

  for (const [format, compression] of [
    ['proto', ''],
    ['proto', 'zstd'],
    ['json', 'zstd'],
  ] as const)
    test(`${format}${compression && `, compression ${compression}`}: each request behind its length`, async (t) => {
      const { exporter } = await setUp(
        t,
        `, format: ${format}${compression && `, compression: ${compression}`}`,
      );
      await exporter.write(batchOf('logs'));
      await exporter.write(batchOf('logs', 'c'));
      const decoded = framesIn().map((frame) => {
        const request = compression ? zstdDecompressSync(frame) : frame;
        return itemsIn(codecOf('logs').decode(request, format));
      });
      assert.deepEqual(decoded, [itemsIn(batchOf('logs')), itemsIn(batchOf('logs', 'c'))]);
    });

  test('no line is longer than a Collector reads', async (t) => {
    const { exporter } = await setUp(t);
    const labels = Array.from({ length: 6000 }, (_, n) => `label ${n} ${'x'.repeat(300)}`);
    await exporter.write(batchWith('logs', { one: labels }));
    assert.ok(linesIn().length > 1);
    assert.ok(linesIn().every((line) => Buffer.byteLength(line) < 1024 * 1024));
    assert.deepEqual(logsIn(), itemsIn(batchWith('logs', { one: labels })));
  });
});

function framesIn(): readonly Buffer[] {
  const content = readFileSync(path);
  const frames: Buffer[] = [];
  for (let at = 0; at < content.length; ) {
    const length = content.readUInt32BE(at);
    frames.push(content.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return frames;
}

describe('what is in the file at the start', () => {
  test('goes', async (t) => {
    writeFileSync(path, 'something\n');
    const { exporter } = await setUp(t);
    await exporter.write(batchOf('logs'));
    assert.equal(linesIn().length, 1);
  });

  for (const [what, content, kept, torn] of [
    ['whole lines stay', '{"a":1}\n{"b":2}\n', ['{"a":1}', '{"b":2}'], 0],
    ['a cut last line goes, counted', '{"a":1}\n{"b":', ['{"a":1}'], 1],
    ['a whole last line gets its end', '{"a":1}\n{"b":2}', ['{"a":1}', '{"b":2}'], 0],
    ['a file that is one cut line begins anew', '{"a', [], 1],
    ['a cut line longer than a block goes', `{"a":1}\n{"b":"${'x'.repeat(200_000)}`, ['{"a":1}'], 1],
  ] as const)
    test(`with append, ${what}`, async (t) => {
      writeFileSync(path, content);
      const { exporter, counted } = await setUp(t, ', append: true');
      await exporter.write(batchOf('logs'));
      assert.deepEqual(linesIn().slice(0, -1), kept);
      assert.equal(itemsIn(codecOf('logs').decode(Buffer.from(linesIn().at(-1) ?? ''), 'json')).length, 2);
      assert.equal(counted()['earshot.agent.file.torn'] ?? 0, torn);
    });

  for (const cut of [1, 3, 5, 20])
    test(`with append, a protobuf record cut after ${cut} bytes goes, counted`, async (t) => {
      const before = await setUp(t, ', format: proto');
      await before.exporter.write(batchOf('logs'));
      await before.exporter.close();
      appendFileSync(path, readFileSync(path).subarray(0, cut));
      const { exporter, counted } = await setUp(t, ', format: proto, append: true');
      await exporter.write(batchOf('logs', 'c'));
      const decoded = framesIn().map((frame) => itemsIn(codecOf('logs').decode(frame, 'proto')));
      assert.deepEqual(decoded, [itemsIn(batchOf('logs')), itemsIn(batchOf('logs', 'c'))]);
      assert.equal(counted()['earshot.agent.file.torn'], 1);
    });
});

describe('rotation', () => {
  const backups = () =>
    readdirSync(directory)
      .filter((name) => name !== 'data.json')
      .sort();

  test('a full file gets a name with the time, as by lumberjack, and another one begins', async (t) => {
    const { exporter, clock } = await setUp(t, ', rotation: {max_megabytes: 1}');
    for (const label of ['1', '2', '3']) {
      await exporter.write(large(label));
      await clock.advance(seconds(1));
    }
    assert.equal(backups().length, 2);
    for (const name of backups()) assert.match(name, /^data-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}\.json$/);
    const files = [...backups(), 'data.json'];
    const labels = files.flatMap((name) =>
      logsIn(join(directory, name)).map(({ label }) => String(label).slice(0, 1)),
    );
    assert.deepEqual(labels, ['1', 'x', '2', 'x', '3', 'x']);
    assert.ok(files.every((name) => statSync(join(directory, name)).size <= 1024 * 1024));
  });

  test('at the same millisecond no file replaces another one', async (t) => {
    const { exporter } = await setUp(t, ', rotation: {max_megabytes: 1}');
    for (const label of ['1', '2', '3']) await exporter.write(large(label));
    assert.equal(backups().length, 2);
  });

  test('the newest files are kept, and others alone', async (t) => {
    writeFileSync(join(directory, 'data-other.json'), '');
    const { exporter, clock } = await setUp(t, ', rotation: {max_megabytes: 1, max_backups: 2}');
    for (const label of ['1', '2', '3', '4', '5']) {
      await exporter.write(large(label));
      await clock.advance(seconds(1));
    }
    assert.equal(backups().length, 3);
    assert.ok(backups().includes('data-other.json'));
    const kept = backups().filter((name) => name !== 'data-other.json');
    assert.deepEqual(
      kept.map((name) => String(logsIn(join(directory, name))[0]?.label)),
      ['3', '4'],
    );
  });

  test('files that are too old are deleted at the start', async (t) => {
    writeFileSync(join(directory, 'data-2001-01-01T00-00-00.000.json'), '');
    await setUp(t, ', rotation: {max_days: 3}');
    assert.deepEqual(backups(), []);
  });

  test('what is in the file stays at the start, its cut last line does not', async (t) => {
    writeFileSync(path, '{"a":1}\n{"b"');
    const { exporter, counted } = await setUp(t, ', rotation: {}');
    await exporter.write(batchOf('logs'));
    assert.equal(linesIn()[0], '{"a":1}');
    assert.equal(linesIn().length, 2);
    assert.equal(counted()['earshot.agent.file.torn'], 1);
  });

  test('a full file that was removed meanwhile is followed by another one', async (t) => {
    const { exporter } = await setUp(t, ', rotation: {max_megabytes: 1}');
    await exporter.write(large('1'));
    rmSync(path);
    await exporter.write(large('2'));
    assert.deepEqual(backups(), []);
    assert.equal(logsIn()[0]?.label, '2');
  });

  test('a directory that is gone loses a batch, and the next one is written once it is back', async (t) => {
    const at = join(directory, 'own', 'data.json');
    const { exporter } = await setUp(t, ', create_directory: true, rotation: {max_megabytes: 1}', at);
    await exporter.write(large('1'));
    rmSync(dirname(at), { recursive: true });
    await assert.rejects(exporter.write(large('2')), { code: 'ENOENT' });
    const { exporter: other } = await setUp(t, ', create_directory: true', at);
    await other.close();
    await exporter.write(large('3'));
    assert.equal(logsIn(at)[0]?.label, '3');
  });
});

describe('forcing to the disk', () => {
  async function watched(t: TestContext, more: string, at = path) {
    const probe = await open(join(directory, 'probe'), 'w');
    const { mock } = t.mock.method(Object.getPrototypeOf(probe) as FileHandle, 'datasync');
    await probe.close();
    return { ...(await setUp(t, more, at)), syncs: () => mock.callCount() };
  }

  test('is not done unless asked for', async (t) => {
    const { exporter, syncs } = await watched(t, ', flush_interval: 100ms, rotation: {max_megabytes: 1}');
    for (const label of ['1', '2']) await exporter.write(large(label));
    await exporter.close();
    assert.deepEqual([exporter.tasks, syncs()], [undefined, 0]);
  });

  test('is done each `sync_interval` where something was written, and at the end of each file', async (t) => {
    const { exporter, syncs } = await watched(t, ', sync_interval: 5s, rotation: {max_megabytes: 1}');
    const [task] = exporter.tasks ?? [];
    assert.equal(task?.every, seconds(5));
    const run = async () => task?.run(new AbortController().signal);
    await run();
    assert.equal(syncs(), 0);
    await exporter.write(large('1'));
    for (let times = 0; times < 2; times += 1) await run();
    assert.equal(syncs(), 1);
    for (const label of ['2', '3']) await exporter.write(large(label));
    assert.equal(syncs(), 2, 'the second file has a name with the time, and was not on the disk');
    await exporter.close();
    assert.equal(syncs(), 3);
  });

  test('is not asked of what is no file', async (t) => {
    const { exporter, syncs } = await watched(t, ', sync_interval: 5s', '/dev/null');
    await exporter.write(batchOf('logs'));
    await exporter.close();
    assert.equal(syncs(), 0);
  });
});

test('a directory is made with the permissions that are asked for', async (t) => {
  const at = join(directory, 'a', 'b', 'data.json');
  await assert.rejects(setUp(t, '', at), { code: 'ENOENT' });
  await setUp(t, ', create_directory: true, directory_permissions: "0700"', at);
  assert.equal(statSync(dirname(at)).mode & 0o777, 0o700);
});

test('a full device rejects, and takes nothing', async (t) => {
  const { exporter } = await setUp(t, '', '/dev/full');
  await assert.rejects(exporter.write(batchOf('logs')), { code: 'ENOSPC' });
});

for (const [more, message] of [
  [', append: true, compression: zstd', /append and compression enabled at the same time is not supported/],
  [', append: true, rotation: {}', /append and rotation enabled at the same time is not supported/],
  [', directory_permissions: "0755"', /directory_permissions requires create_directory to be true/],
  [', create_directory: true, directory_permissions: "0999"', /directory_permissions/],
  [', format: text', /format/],
] as const)
  test(`${more.slice(2)} is refused`, () => {
    assert.throws(() => settingsOf(`{path: /tmp/a${more}}`), message);
  });
