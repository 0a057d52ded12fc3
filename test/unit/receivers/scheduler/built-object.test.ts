import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { BpfSpec } from '../../../../src/bpf/bpf.ts';
import { openLiveScheduler } from '../../../../src/receivers/scheduler/live-scheduler.ts';
import { samplingQuantum } from '../../../../src/receivers/scheduler/source.ts';
import { milliseconds } from '../../../../src/telemetry/units.ts';
import { FakeBpf } from '../../fake-bpf.ts';
import { FakeCgroups } from '../../fake-cgroups.ts';

/** Constants of user space against the object's BTF. */

const options = { minWait: milliseconds(5), sample: 0, eventRate: 5, maxWorkloads: 512, maxPairs: 4096 };

function openOn(cpus: number) {
  const bpf = new FakeBpf();
  bpf.cpus = cpus;
  openLiveScheduler(bpf, options, new FakeCgroups()).close();
  const spec: BpfSpec = bpf.opened[0] ?? assert.fail('nothing was opened');
  const { maps } = new FakeBpf().open({ object: spec.object, purpose: 'list its maps' });
  return { spec, maps: maps.map(({ name }) => name), bpf };
}

test('every map that gets a size is one of the object', () => {
  const { spec, maps } = openOn(2);
  const unknown = Object.keys(spec.maxEntries ?? {}).filter((name) => !maps.includes(name));
  assert.deepEqual(unknown, []);
});

test('the quantum of the kernel side is the one that readings are judged by', () => {
  assert.equal(openOn(2).spec.constants?.quantum, samplingQuantum);
});

test('every map of the object is a row in the table of kernel memory', () => {
  const architecture = readFileSync(new URL('../../../../ARCHITECTURE.md', import.meta.url), 'utf8');
  const table = architecture.slice(architecture.indexOf('## Kernel memory'));
  const rows = [...table.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, names = '']) =>
    [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  );
  assert.deepEqual([...rows].sort(), [...openOn(2).maps].sort());
});
