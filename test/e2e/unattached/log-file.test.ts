import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLogOutput } from '../../../src/cli/log-output.ts';

test('a log file on a full disk goes on when there is room, and standard error reports what is missing', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'earshot-log-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', directory]);
  t.after(() => {
    execFileSync('umount', ['--lazy', directory]); // the log is open as long as the process is
    rmSync(directory, { recursive: true });
  });
  const reported: string[] = [];
  t.mock.method(process.stderr, 'write', (text: string) => reported.push(text));
  const [path, other] = [join(directory, 'log'), join(directory, 'other')];
  const { write } = openLogOutput([path]);
  write('first\n');
  assert.throws(() => writeFileSync(other, Buffer.alloc(100_000)), { code: 'ENOSPC' });
  write(`${'x'.repeat(8000)}\n`); // to the end of the page, then no more
  write('also missing\n');
  truncateSync(other);
  write('last\n');
  t.mock.restoreAll();
  const lines = readFileSync(path, 'utf8').split('\n');
  assert.deepEqual([lines[0], lines.at(-2)], ['first', 'last']);
  assert.ok(!lines.includes('also missing'));
  assert.equal(reported.length, 2);
  assert.match(`${reported[0]}`, /^cannot write the log to .*ENOSPC.*lines are left out$/m);
  assert.match(`${reported[1]}`, /goes on; 2 lines are missing in it$/m);
});
