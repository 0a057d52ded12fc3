import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { Outcome } from '../../../../src/component.ts';
import { loadConfig } from '../../../../src/config/load.ts';
import { debug } from '../../../../src/exporters/debug/debug.ts';
import { file } from '../../../../src/exporters/file/file.ts';
import { LineReader } from '../../../../src/receivers/otlp-json-file/lines.ts';
import { otlpJsonFile } from '../../../../src/receivers/otlp-json-file/otlp-json-file.ts';
import type { Batch } from '../../../../src/telemetry/batch.ts';
import { codecOf } from '../../../../src/telemetry/otlp.ts';
import { bytes, nanoseconds, seconds } from '../../../../src/telemetry/units.ts';
import { batchWith, itemsIn } from '../../batch-with.ts';
import { FakeClock } from '../../fake-clock.ts';
import { fakeHost } from '../../fake-host.ts';
import { MemoryStore } from '../../memory-store.ts';
import { definitions } from '../../telemetry/wire/definitions.ts';
import { generated } from '../../telemetry/wire/generated-otlp.ts';

let directory = '';
let path = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'earshot-json-file-'));
  path = join(directory, 'data.json');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function settingsOf(text: string, type = 'otlp_json_file') {
  const input = {
    ...{ files: ['test'], sets: [], environment: {} },
    readFile: () => `receivers: {${type}: ${text}}
exporters: {debug: }
service: {pipelines: {logs: {receivers: [${type}], exporters: [debug]}}}`,
  };
  const { config } =
    loadConfig(input, [otlpJsonFile, debug]).receivers.get(type) ?? assert.fail('no receiver');
  return config as Parameters<typeof otlpJsonFile.open>[0];
}

interface Setting {
  readonly more?: string;
  readonly store?: MemoryStore;
  readonly reply?: (batch: Batch) => Outcome;
}

const accepted: Outcome = { kind: 'accepted' };

/** A receiver that reads when it is told to. */
async function setUp(t: TestContext, { more = '', store, reply = () => accepted }: Setting = {}) {
  const { host } = fakeHost('otlp_json_file', otlpJsonFile.emits);
  const clock = new FakeClock();
  const settings = settingsOf(`{include: ["${directory}/*.json"]${more}}`);
  const receiver = await otlpJsonFile.open(
    { ...settings, ...(store && { storage: 'file_storage' }) },
    {
      ...{ ...host, clock, signals: new Set(['metrics', 'logs', 'traces'] as const) },
      ...(store && { openStore: async () => store }),
    },
  );
  t.after(() => receiver.close());
  const taken: Batch[] = [];
  receiver.listen?.(async (batch) => {
    const outcome = reply(batch);
    if (outcome.kind === 'accepted') taken.push(batch);
    return outcome;
  });
  return {
    ...{ receiver, clock },
    async poll() {
      for (const task of receiver.tasks ?? []) await task.run(new AbortController().signal);
      const labels = taken.flatMap((batch) => itemsIn(batch).map(({ label }) => label));
      taken.length = 0;
      return labels;
    },
    counts: () =>
      Object.fromEntries(
        host.counters
          .read()
          .map(({ metric, attributes, value }) => [
            `${metric.name} ${attributes.reason ?? ''}`.trim(),
            value,
          ]),
      ),
  };
}

const line = (...labels: string[]) =>
  `${Buffer.from(codecOf('logs').encode(batchWith('logs', { one: labels }), 'json'))}\n`;
const fromBeginning = { more: ', start_at: beginning' };

describe('what is read', () => {
  test('of a file that is there at the start, what comes; of later ones, all', async (t) => {
    writeFileSync(path, line('before'));
    const { poll } = await setUp(t);
    assert.deepEqual(await poll(), []);
    appendFileSync(path, line('a'));
    writeFileSync(join(directory, 'later.json'), line('b', 'c'));
    assert.deepEqual((await poll()).toSorted(), ['a', 'b', 'c']);
    assert.deepEqual(await poll(), []);
  });

  test('with start_at beginning, all', async (t) => {
    writeFileSync(path, line('a') + line('b'));
    const { poll } = await setUp(t, fromBeginning);
    assert.deepEqual(await poll(), ['a', 'b']);
  });

  test('no file that is excluded', async (t) => {
    writeFileSync(path, line('a'));
    writeFileSync(join(directory, 'other.json'), line('b'));
    const { poll } = await setUp(t, { more: `, start_at: beginning, exclude: ["${directory}/other*"]` });
    assert.deepEqual(await poll(), ['a']);
  });

  test('a line once it has ended, also where the receiver began within it', async (t) => {
    const [begin, end] = [line('a').slice(0, 20), line('a').slice(20)];
    writeFileSync(path, line('before') + begin);
    const { poll, counts } = await setUp(t);
    assert.deepEqual(await poll(), []);
    appendFileSync(path, end.slice(0, -1));
    assert.deepEqual(await poll(), []);
    appendFileSync(path, '\n');
    assert.deepEqual(await poll(), ['a']);
    assert.deepEqual(counts(), {});
  });

  test('each signal that a pipeline takes', async (t) => {
    const { poll } = await setUp(t, fromBeginning);
    for (const signal of ['metrics', 'logs', 'traces'] as const) {
      const request = codecOf(signal).encode(batchWith(signal, { one: [signal] }), 'json');
      appendFileSync(path, `${Buffer.from(request)}\n\n`);
    }
    assert.deepEqual(await poll(), ['metrics', 'logs', 'traces']);
  });

  test('with replay_file, all at each interval', async (t) => {
    writeFileSync(path, line('a'));
    const { poll } = await setUp(t, { more: ', replay_file: true' });
    assert.deepEqual(await poll(), ['a']);
    assert.deepEqual(await poll(), ['a']);
  });
});

test('blank lines are nothing, and not counted', async (t) => {
  writeFileSync(path, `\n \t\r\n${line('a')}\n`);
  const { poll, counts } = await setUp(t, { more: ', start_at: beginning' });
  assert.deepEqual(await poll(), ['a']);
  assert.deepEqual(counts(), {});
});

describe('lines that are left out, counted', () => {
  for (const [reason, text] of [
    ['malformed', '{"resourceLogs": [}\n'],
    ['malformed', '{"resourceLogs": {}}\n'],
    ['malformed', 'text\n'],
    ['no_signal', '{"resourceProfiles": []}\n'],
    ['too_long', `{"resourceLogs": "${'x'.repeat(5000)}"}\n`],
  ] as const)
    test(`${reason}: ${text.slice(0, 30).trim()}`, async (t) => {
      writeFileSync(path, line('a') + text + line('b'));
      const { poll, counts } = await setUp(t, { more: ', start_at: beginning, max_log_size: 4096' });
      assert.deepEqual(await poll(), ['a', 'b']);
      assert.deepEqual(counts(), { [`earshot.agent.lines.skipped ${reason}`]: 1 });
    });
});

describe('files that change', () => {
  test('a renamed file is read to its end, its successor from its beginning, none twice', async (t) => {
    for (const name of ['data-2001.json', 'data.old']) {
      writeFileSync(path, line('a'));
      const { poll, receiver } = await setUp(t, fromBeginning);
      assert.deepEqual(await poll(), ['a']);
      appendFileSync(path, line('b'));
      renameSync(path, join(directory, name));
      writeFileSync(path, line('c'));
      assert.deepEqual((await poll()).toSorted(), ['b', 'c'], name);
      assert.deepEqual(await poll(), []);
      await receiver.close();
      rmSync(join(directory, name));
    }
  });

  test('a file that is removed is read to its end; a line that has none is counted', async (t) => {
    writeFileSync(path, line('a'));
    const { poll, counts } = await setUp(t, fromBeginning);
    assert.deepEqual(await poll(), ['a']);
    appendFileSync(path, `${line('b')}{"resource`);
    unlinkSync(path);
    assert.deepEqual(await poll(), ['b']);
    assert.deepEqual(counts(), { 'earshot.agent.lines.skipped torn': 1 });
  });

  test('a truncated file is read from its beginning', async (t) => {
    writeFileSync(path, line('a') + line('b'));
    const { poll, counts } = await setUp(t, fromBeginning);
    assert.deepEqual(await poll(), ['a', 'b']);
    truncateSync(path);
    appendFileSync(path, line('c'));
    assert.deepEqual(await poll(), ['c']);
    assert.deepEqual(counts(), { 'earshot.agent.files.restarted': 1 });
  });

  test('one that was truncated and has grown beyond its former size, too', async (t) => {
    writeFileSync(path, line('a'));
    const { poll } = await setUp(t, fromBeginning);
    assert.deepEqual(await poll(), ['a']);
    writeFileSync(path, line('c', 'd', 'e', 'f'));
    assert.deepEqual(await poll(), ['c', 'd', 'e', 'f']);
  });
});

describe('what pipelines do not take', () => {
  test('is read again after the time that they say, in order', async (t) => {
    writeFileSync(path, line('a') + line('b') + line('c'));
    let isFull = false;
    const { poll, clock, counts } = await setUp(t, {
      ...fromBeginning,
      reply(batch) {
        if (itemsIn(batch)[0]?.label === 'b' && !isFull) {
          isFull = true;
          return { kind: 'retry', reason: 'full', code: 'queue_full', after: seconds(5) };
        }
        return accepted;
      },
    });
    assert.deepEqual(await poll(), ['a']);
    assert.deepEqual(await poll(), []);
    await clock.advance(seconds(5));
    assert.deepEqual(await poll(), ['b', 'c']);
    assert.deepEqual(counts(), {});
  });

  test('and never will, is not read again', async (t) => {
    writeFileSync(path, line('a') + line('b'));
    const reply = (batch: Batch): Outcome =>
      itemsIn(batch)[0]?.label === 'a' ? { kind: 'refused', reason: 'no' } : accepted;
    const { poll } = await setUp(t, { ...fromBeginning, reply });
    assert.deepEqual(await poll(), ['b']);
  });
});

describe('with a storage', () => {
  test('a receiver goes on where the one before it stopped, and reads new files from their beginning', async (t) => {
    const store = new MemoryStore();
    writeFileSync(path, line('a'));
    const first = await setUp(t, { ...fromBeginning, store });
    assert.deepEqual(await first.poll(), ['a']);
    await first.receiver.stopListening?.();
    await first.receiver.close();
    appendFileSync(path, line('b'));
    writeFileSync(join(directory, 'new.json'), line('c'));
    store.isClosed = false;
    const { poll } = await setUp(t, { store });
    assert.deepEqual((await poll()).toSorted(), ['b', 'c']);
  });

  test('a file that was not there meanwhile goes on where it was left', async (t) => {
    const store = new MemoryStore();
    writeFileSync(path, line('a'));
    const run = async () => {
      store.isClosed = false;
      const { poll, receiver } = await setUp(t, { store });
      const labels = await poll();
      await receiver.close();
      return labels;
    };
    const first = await setUp(t, { ...fromBeginning, store });
    assert.deepEqual(await first.poll(), ['a']);
    await first.receiver.close();
    renameSync(path, `${path}.away`);
    assert.deepEqual(await run(), []);
    appendFileSync(`${path}.away`, line('b'));
    renameSync(`${path}.away`, path);
    assert.deepEqual(await run(), ['b']);
  });

  test('another file in its place is read from its beginning', async (t) => {
    const store = new MemoryStore();
    writeFileSync(path, line('a'));
    const first = await setUp(t, { ...fromBeginning, store });
    assert.deepEqual(await first.poll(), ['a']);
    await first.receiver.close();
    writeFileSync(path, line('b', 'c')); // the same inode
    store.isClosed = false;
    const { poll, counts } = await setUp(t, { store });
    assert.deepEqual(await poll(), ['b', 'c']);
    assert.deepEqual(counts(), { 'earshot.agent.files.restarted': 1 });
  });
});

test('too many files are an error that says so, and those that have room are read', async (t) => {
  for (const name of ['1', '2', '3']) writeFileSync(join(directory, `${name}.json`), line('a'));
  const { receiver, poll } = await setUp(t, { more: ', start_at: beginning, max_concurrent_files: 2' });
  await assert.rejects(async () => receiver.tasks?.[0]?.run(new AbortController().signal), /1 files beyond/);
  await assert.rejects(poll());
});

test('the former type has the same settings', () => {
  assert.equal(settingsOf('{include: [a.json]}', 'otlpjsonfile').start_at, 'end');
});

for (const [what, settings, message] of [
  ['no files', '{include: []}', /include/],
  ['a storage that is not there', '{include: [a], storage: file_storage}', /file_storage/],
] as const)
  test(`${what} is refused`, () => {
    assert.throws(() => settingsOf(settings), message);
  });

test('lines are the same however the file is cut into chunks', () => {
  const content = fc
    .array(fc.constantFrom('a', 'bb', '\n', 'c'.repeat(12)), { maxLength: 40 })
    .map((all) => all.join(''));
  fc.assert(
    fc.property(content, fc.array(fc.integer({ min: 1, max: 9 })), (text, sizes) => {
      const whole = [...new LineReader(5, bytes(10)).add(Buffer.from(text))];
      const reader = new LineReader(5, bytes(10));
      const lines = [];
      let at = 0;
      for (const size of [...sizes, text.length]) {
        lines.push(...reader.add(Buffer.from(text).subarray(at, at + size)));
        at = Math.min(text.length, at + size);
      }
      assert.deepEqual(lines, whole);
      assert.equal(reader.at, 5 + text.length);
      assert.deepEqual(
        whole.map(({ bytes: of }) => of?.toString()),
        text
          .split('\n')
          .slice(0, -1)
          .map((each) => (each.length > 10 ? undefined : each)),
      );
    }),
  );
});

/** A resource whose metrics have no points ends in the exporter. */
const hasItemsEverywhere = (request: object) =>
  Object.values(request)
    .flat()
    .every((group) => !('scopeMetrics' in group) || JSON.stringify(group, shortened).includes('dataPoints'));
const shortened = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}` : value);

for (const signal of ['metrics', 'logs', 'traces'] as const)
  test(`what exporter file wrote is read, each field the same: ${signal}`, async (t) => {
    const { host } = fakeHost('file', file.emits);
    const exporter = await file.open(
      {
        path,
        append: false,
        format: 'json',
        flush_interval: seconds(1),
        sync_interval: nanoseconds(0),
        create_directory: false,
      },
      host,
    );
    t.after(() => exporter.close());
    const read: unknown[] = [];
    const { poll } = await setUp(t, {
      ...fromBeginning,
      reply(batch) {
        read.push(definitions[signal].decode(codecOf(signal).encode(batch, 'proto')));
        return accepted;
      },
    });
    const requests = fc.sample(generated[signal].filter(hasItemsEverywhere), 20);
    for (const request of requests)
      await exporter.write(codecOf(signal).decode(definitions[signal].encode(request), 'proto'));
    await poll();
    assert.deepEqual(
      read,
      requests.map((request) => definitions[signal].decode(definitions[signal].encode(request))),
    );
  });
