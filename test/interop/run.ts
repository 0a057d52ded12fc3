/**
 * What real peers understand of what the agent sends: the OpenTelemetry Collector, Prometheus 3 and Debian's Prometheus 2.
 * Builds what no distribution packages once, some minutes; a peer that is missing fails.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { collectorBinary } from '../lab/collector.ts';
import { installed } from '../lab/needed.ts';
import { prometheusBinary } from '../lab/prometheus.ts';

const peers = {
  collector: collectorBinary,
  prometheus3: prometheusBinary,
  prometheus2: () => installed('prometheus'),
};

const missing = Object.entries(peers).flatMap(([name, find]) => {
  try {
    console.log(`${name}: ${find()}`);
    return [];
  } catch (error) {
    return [`${name}: ${(error as Error).message}`];
  }
});
for (const line of missing) console.error(line);
const tests = globSync(fileURLToPath(new URL('./*.test.ts', import.meta.url))).sort();
if (missing.length > 0 || tests.length === 0) process.exit(1);
const { status } = spawnSync(process.execPath, ['--test', '--test-timeout=120000', ...tests], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
