import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLogOutput } from '../../src/cli/log-output.ts';
import { openOwnLog } from '../../src/cli/own-log.ts';
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
  const { log } = createLog({ level: 'info', encoding: 'json', initial_fields: {}, sampling }, (line) =>
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
  const { log } = createLog(options, (line) => lines.push(line));
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
  openLogOutput([one]).write('first\n');
  openLogOutput([one, other]).write('second\n');
  assert.equal(readFileSync(one, 'utf8'), 'first\nsecond\n');
  assert.equal(readFileSync(other, 'utf8'), 'second\n');
  assert.throws(
    () => openLogOutput([join(folder, 'none', 'x')]),
    /cannot write the log: ENOENT.*output_paths/s,
  );
});

const unsampled = { ...sampling, enabled: false };
const options = { level: 'info', encoding: 'json', initial_fields: {}, sampling: unsampled } as const;

test('a changed level, encoding and output are those of all loggers that there are', () => {
  const [before, after]: [string[], string[]] = [[], []];
  const { log, change } = createLog(options, (line) => before.push(line));
  const child = log.child({ id: 'x' });
  child.debug('too fine');
  child.info('first');
  change({ ...options, level: 'debug', encoding: 'console' }, (line) => after.push(line));
  child.debug('second');
  log.info('third');
  assert.deepEqual(
    before.map((line) => JSON.parse(line).msg),
    ['first'],
  );
  assert.match(after.join(''), /^\S+Z debug second \{"id":"x"\}\n\S+Z info {2}third\n$/);
});

test('no initial field takes the place of one that a line has', () => {
  const lines: string[] = [];
  const { log } = createLog({ ...options, initial_fields: { id: 'a', zone: 1 } }, (line) => lines.push(line));
  log.info({ id: 'own' }, 'text');
  const { ts, ...fields } = JSON.parse(lines[0] ?? '');
  assert.match(ts, /^\d{4}-/);
  assert.deepEqual(fields, { level: 'info', id: 'own', zone: 1, msg: 'text' });
});

test('a log that is given another file goes on there, and stays where it is if that cannot be opened', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-log-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [one, other] = [join(folder, 'one'), join(folder, 'other')];
  const { log, apply } = openOwnLog({ ...options, encoding: 'console', output_paths: [one] });
  log.info('first');
  assert.throws(() => apply({ ...options, output_paths: [join(folder, 'none', 'x')] }), /output_paths/);
  log.info('second');
  apply({ ...options, output_paths: [other] });
  log.info('third');
  assert.match(readFileSync(one, 'utf8'), /first\n.*second\n$/);
  assert.match(readFileSync(other, 'utf8'), /^\{.*"third"\}\n$/);
});

test('a log file that was renamed is opened anew, and goes on where it cannot be', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-log-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const reported: string[] = [];
  t.mock.method(process.stderr, 'write', (text: string) => reported.push(text));
  const [path, rotated] = [join(folder, 'log'), join(folder, 'log.1')];
  const output = openLogOutput([path]);
  output.write('first\n');
  renameSync(path, rotated);
  output.write('before\n');
  output.reopen();
  output.write('after\n');
  assert.equal(readFileSync(rotated, 'utf8'), 'first\nbefore\n');
  assert.equal(readFileSync(path, 'utf8'), 'after\n');
  renameSync(path, join(folder, 'log.2'));
  mkdirSync(path);
  output.reopen();
  output.write('still\n');
  output.close();
  t.mock.restoreAll();
  assert.equal(readFileSync(join(folder, 'log.2'), 'utf8'), 'after\nstill\n');
  assert.match(reported.join(''), /^cannot open the log .*EISDIR.*; the former file goes on\n$/);
});

test('a log that changes between files and back is in each, and leaves none open', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-log-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const inFile = (name: string) => ({ ...options, output_paths: [join(folder, name)] });
  const own = openOwnLog(inFile('a'));
  const before = descriptors();
  for (const [n, name] of ['b', 'a', 'b', 'a'].entries()) {
    own.apply(inFile(name));
    own.reopen();
    own.log.info(`line ${n}`);
  }
  assert.equal(descriptors(), before);
  assert.match(readFileSync(join(folder, 'a'), 'utf8'), /line 1.*\n.*line 3.*\n$/);
  assert.match(readFileSync(join(folder, 'b'), 'utf8'), /line 0.*\n.*line 2.*\n$/);
});
