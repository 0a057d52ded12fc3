import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { CpuTimes } from '../../../src/machine/cpu-times.ts';

const directory = mkdtempSync(join(tmpdir(), 'earshot-'));
after(() => rmSync(directory, { recursive: true }));
const path = join(directory, 'stat');

function timesOf(text: string, cpus = 2) {
  writeFileSync(path, text);
  const times = new CpuTimes(cpus, path);
  times.read();
  return { times, irq: [...times.irq], steal: [...times.steal] };
}

test('/proc/stat: irq and softirq are summed, steal is separate, the line of all CPUs is ignored', () => {
  const { irq, steal } = timesOf(
    'cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpu1 0 0 0 0 0 1 0 2\nintr 5\n',
  );
  assert.deepEqual(
    [irq, steal],
    [
      [13, 1],
      [8, 2],
    ],
  );
});

test('/proc/stat: a CPU without a line is offline, one beyond the possible CPUs is ignored', () => {
  const { irq } = timesOf(
    'cpu  1 1 1 1 1 1 1 1\ncpu1 0 0 0 0 0 3 1 2 0 0\ncpu7 0 0 0 0 0 3 1 2 0 0\nintr 5\n',
  );
  assert.deepEqual(irq, [Number.NaN, 4]);
});

test('/proc/stat: CPUs that go offline disappear, new ones appear', () => {
  const { times } = timesOf('cpu  1 1 1 1 1 1 1 1\ncpu0 0 0 0 0 0 3 1 2\ncpu1 0 0 0 0 0 1 1 1\n');
  writeFileSync(path, 'cpu  1 1 1 1 1 1 1 1\ncpu0 0 0 0 0 0 5 1 2\n');
  times.read();
  assert.deepEqual([...times.irq], [6, Number.NaN]);
});

test('/proc/stat: the line of interrupts and the rest of an overlong line are not read', () => {
  const line = (cpu: number) => `cpu${cpu}${' 10000000000000000000'.repeat(10)}\n`;
  const { irq } = timesOf(`cpu ${' 1'.repeat(10)}\n${line(0)}${line(1)}intr${' 0'.repeat(100_000)}\n`);
  assert.deepEqual(irq, [2e19, 2e19]);
  const { irq: cut } = timesOf(`cpu ${' 1'.repeat(10)}\n${line(0)}${'cpu1 '.padEnd(600, '0')}`);
  assert.deepEqual(cut, [2e19, Number.NaN]);
});

test('/proc/stat: a missing, empty or invalid file is an error and changes nothing', () => {
  const { times } = timesOf('cpu  1 1 1 1 1 1 1 1\ncpu0 0 0 0 0 0 3 1 2\n');
  for (const text of ['', 'cpu', 'intr 1 2 3\n', '\n']) {
    writeFileSync(path, text);
    assert.throws(() => times.read(), { message: `cannot read ${path}: no CPU in it` });
  }
  rmSync(path);
  assert.throws(() => times.read(), { code: 'ENOENT' });
  assert.equal(times.irq[0], 4);
});

test('/proc/stat: arbitrary text never throws or yields an invalid time', () => {
  const part = fc.constantFrom('cpu', 'cpu0', 'cpu1', ' ', '12', '\n', 'intr', 'x', '-');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
      writeFileSync(path, `cpu  1\n${parts.join('')}`);
      const times = new CpuTimes(2, path);
      times.read();
      for (const time of [...times.irq, ...times.steal]) assert.ok(Number.isNaN(time) || time >= 0);
    }),
  );
});

test('/proc/stat of this machine is read', { skip: process.platform !== 'linux' }, () => {
  const cpus = readFileSync('/proc/stat', 'utf8').match(/^cpu\d+ /gm)?.length ?? 0;
  const times = new CpuTimes(4096);
  times.read();
  assert.equal(times.irq.filter((time) => time >= 0).length, cpus);
  assert.equal(times.steal.filter((time) => time >= 0).length, cpus);
});
