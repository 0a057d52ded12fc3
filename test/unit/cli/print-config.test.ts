import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { earshot, good } from './earshot.ts';

test('print-config shows the effective configuration', () => {
  const { status, stdout } = earshot(
    'print-config',
    '--config',
    good,
    '--set',
    'receivers.agent.interval=90s',
  );
  assert.equal(status, 0);
  assert.equal(parse(stdout).receivers.agent.interval, '1m30s');
});
