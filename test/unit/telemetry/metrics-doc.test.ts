import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { metricsDocument, path } from '../../../scripts/write-metrics-doc.ts';

test('docs/METRICS.md is current; `node scripts/write-metrics-doc.ts` writes it', () => {
  assert.equal(readFileSync(path, 'utf8'), metricsDocument());
});
