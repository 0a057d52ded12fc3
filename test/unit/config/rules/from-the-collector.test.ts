import assert from 'node:assert/strict';
import { test } from 'node:test';
import { components } from '../../../../src/components.ts';
import { fromTheCollector } from '../../../../src/config/rules/from-the-collector.ts';
import { explainUnknownId } from '../../../../src/config/rules/unknown-id.ts';
import { sectionOf, typesOf } from '../../../../src/config/schema/file-schema.ts';

test('a component of the Collector that is not here names what to write instead', () => {
  assert.equal(
    explainUnknownId('k8sattributes/2', 'processors', () => ['workload']),
    'unknown type: "k8sattributes" for id: "k8sattributes/2": use processor "workload", which names containers, pods and their owners',
  );
  assert.match(
    explainUnknownId('k8sattributes', 'exporters', () => ['debug']),
    /\(valid values: \[debug\]\)$/,
  );
});

test('no type in the list is one that Earshot has', () => {
  const own = components.flatMap((component) =>
    typesOf(component).map((type) => `${sectionOf(component.kind)} ${type}`),
  );
  const listed = fromTheCollector.flatMap(({ section, types }) => types.map((type) => `${section} ${type}`));
  assert.deepEqual(
    listed.filter((type) => own.includes(type)),
    [],
  );
  assert.equal(new Set(listed).size, listed.length);
});

test('each component that a hint names exists', () => {
  const types = components.map(({ type }) => type);
  for (const { instead } of fromTheCollector)
    for (const [, list = ''] of instead.matchAll(/(?:processor|receivers?|exporter) ((?:`\w+`(?: and )?)+)/g))
      for (const [, type = ''] of list.matchAll(/`(\w+)`/g)) assert.ok(types.includes(type), type);
});
