import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLogOutput } from '../../src/cli/log-output.ts';
import { createLog } from '../../src/log.ts';
import { createSampler } from '../../src/log-sampling.ts';
import { seconds } from '../../src/telemetry/units.ts';

const sampling = { enabled: true, tick: seconds(10), initial: 2, thereafter: 3 };

test('of equal lines the first of a tick are written, then one in so many, with the number left out', () => {
  let now = 0;
  const leftOut = createSampler(sampling, () => now);
  const written = () => Array.from({ length: 9 }, () => leftOut('info', 'same'));
  const expected = [0, 0, undefined, undefined, 2, undefined, undefined, 2, undefined];
  assert.deepEqual(written(), expected);
  assert.equal(leftOut('info', 'other'), 0);
  assert.equal(leftOut('error', 'same'), 0);
  now = 10_000;
  assert.equal(leftOut('info', 'same'), 1, 'the next tick tells what the former left out');
});

test('lines are left out for ever with `thereafter: 0`, and never without sampling', () => {
  const none = createSampler({ ...sampling, thereafter: 0 });
  const all = createSampler({ ...sampling, enabled: false });
  for (let line = 0; line < 50; line++) {
    assert.equal(none('info', 'same'), line < 2 ? 0 : undefined);
    assert.equal(all('info', 'same'), 0);
  }
});

test('lines of one component do not count as those of another', () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', encoding: 'json', initial_fields: {}, sampling }, (line) =>
    lines.push(line),
  );
  for (let id = 0; id < 20; id++)
    log.error({ 'otelcol.component.kind': 'exporter', 'otelcol.component.id': `e/${id}` }, 'Data was lost.');
  assert.equal(lines.length, 20);
});

test('each line has the initial fields', () => {
  const lines: string[] = [];
  const options = {
    level: 'info',
    encoding: 'json',
    initial_fields: { cluster: 'a', zone: 1 },
    sampling,
  } as const;
  const log = createLog(options, (line) => lines.push(line));
  for (let line = 0; line < 5; line++) log.child({ id: 'x' }).info('same');
  const parsed = lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    parsed.map(({ cluster, zone, id }) => [cluster, zone, id]),
    Array(3).fill(['a', 1, 'x']),
  );
  assert.deepEqual(
    parsed.map(({ left_out }) => left_out),
    [undefined, undefined, 2],
  );
});

test('the log goes to each file, after what is there; one that cannot be opened is named', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-log-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [one, other] = [join(folder, 'one'), join(folder, 'other')];
  openLogOutput([one])('first\n');
  openLogOutput([one, other])('second\n');
  assert.equal(readFileSync(one, 'utf8'), 'first\nsecond\n');
  assert.equal(readFileSync(other, 'utf8'), 'second\n');
  assert.throws(
    () => openLogOutput([join(folder, 'none', 'x')]),
    /cannot write the log: ENOENT.*output_paths/s,
  );
});
