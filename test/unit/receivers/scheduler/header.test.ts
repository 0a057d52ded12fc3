import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { histogramOffset, histogramScale, pseudoSerials } from '../../../../src/receivers/scheduler/abi.ts';
import { waitClasses } from '../../../../src/receivers/scheduler/source.ts';
import { abi, lossReasons } from './plain-abi.ts';

const header = readFileSync(new URL('../../../../bpf/scheduler/scheduler.h', import.meta.url), 'utf8');

/** The expression a macro stands for, its other macros replaced. */
function macro(name: string): string {
  const body = new RegExp(`^#define ${name}\\s+([^/\\n]+)`, 'm').exec(header)?.[1]?.trim();
  assert.ok(body, `scheduler.h has no ${name}`);
  return body.replaceAll(/[A-Z]+_[A-Z_]+/g, (inner) => `(${macro(inner)})`);
}

/** Of the few operators of C the macros use, all mean the same in BigInt arithmetic. */
function value(name: string): bigint {
  const expression = macro(name).replaceAll(/(\d+)U?L*\b/g, '$1n');
  assert.match(expression, /^[\d n()<*-]+$/);
  return Function(`return ${expression}`)() as bigint;
}

function enumerators(name: string, prefix: string): string[] {
  const body = new RegExp(`enum ${name} \\{([^}]+)\\}`).exec(header)?.[1] ?? '';
  return [...body.matchAll(new RegExp(`\\b${prefix}([A-Z_]+)(?: = \\d+)?,`, 'g'))]
    .map(([, rest = '']) => rest.toLowerCase())
    .filter((rest) => rest !== 'count');
}

test('the pseudo cgroups are those of the kernel side', () => {
  assert.deepEqual(pseudoSerials, {
    idle: value('SERIAL_IDLE'),
    kernel: value('SERIAL_KERNEL'),
    overflow: value('SERIAL_OVERFLOW'),
  });
});

test('buckets have the scale and the offset of the kernel side', () => {
  assert.equal(BigInt(histogramScale), value('HISTOGRAM_SCALE'));
  assert.equal(BigInt(histogramOffset), value('HISTOGRAM_OFFSET'));
});

test('every class of the kernel side is a class of a reading; `stolen` becomes two', () => {
  const classes = enumerators('wait_class', 'CLASS_');
  assert.deepEqual(
    classes.flatMap((name) => (name === 'stolen' ? ['irq', 'steal'] : [name])),
    [...waitClasses],
  );
});

test('the layouts of these tests have the names of the header, in its order', () => {
  assert.deepEqual(Object.keys(abi.classes), enumerators('wait_class', 'CLASS_'));
  assert.deepEqual(lossReasons, enumerators('loss_reason', 'LOSS_'));
  assert.deepEqual(Object.keys(abi.recordTypes), enumerators('record_type', 'RECORD_'));
});
