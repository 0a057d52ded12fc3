import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { lineWriter } from '../../../src/cli/output.ts';

const output = pathToFileURL(`${import.meta.dirname}/../../../src/cli/output.ts`).href;
const lines = 20_000;

/** Writes more than is kept, says how much waits, and writes one line more when all that waits has been read. */
const writer = `
import { report } from ${JSON.stringify(output)};
for (let n = 0; n < ${lines}; n++) report('x'.repeat(1000));
process.stdout.write(String(process.stderr.writableLength));
process.stderr.once('drain', () => report('last'));
`;

test('a log whose reader stands still is bounded, and says how many lines are missing when it goes on', async (t) => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', writer], { stdio: 'pipe' });
  t.after(() => child.kill('SIGKILL'));
  const [waiting] = await once(child.stdout.setEncoding('utf8'), 'data');
  assert.ok(Number(waiting) > 0 && Number(waiting) < 1_100_000, `${waiting} bytes wait`);
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  await once(child, 'close');
  const received = text.split('\n').filter((line) => line.startsWith('xxx')).length;
  const [, missing] = /^standard error was not read; (\d+) lines are missing here\nlast$/m.exec(text) ?? [];
  assert.equal(received + Number(missing), lines);
});

test('each gap has its own number, a single line too', () => {
  const written: string[] = [];
  const output = { writableLength: 0, write: (text: string) => written.push(text) > 0 };
  const write = lineWriter(output, 'it');
  for (const [waiting, text] of [
    [2 ** 21, 'a'],
    [0, 'b'],
    [0, 'c'],
    [2 ** 21, 'd'],
    [2 ** 21, 'e'],
    [0, 'f'],
  ] as const) {
    output.writableLength = waiting;
    write(text);
  }
  const missing = (lines: number) => `it was not read; ${lines} lines are missing here\n`;
  assert.deepEqual(written, [missing(1), 'b\n', 'c\n', missing(2), 'f\n']);
});
