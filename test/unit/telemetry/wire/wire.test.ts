import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Resource } from '@opentelemetry/resources';
import fc from 'fast-check';
import { type Batch, bySignal, joinBatches, mapBatch, splitBatch } from '../../../../src/telemetry/batch.ts';
import { resource } from '../../../../src/telemetry/metrics/build.ts';
import { codecOf, type OtlpSignal } from '../../../../src/telemetry/otlp.ts';
import { joinRequests } from '../../../../src/telemetry/otlp-codec.ts';
import { keepEvents } from '../../../../src/telemetry/span-events.ts';
import { definitions } from './definitions.ts';
import { generated } from './generated-otlp.ts';

fc.configureGlobal({ numRuns: 40 });

for (const signal of ['logs', 'traces', 'metrics'] as const satisfies readonly OtlpSignal[])
  describe(signal, () => {
    const { encode, decode } = codecOf(signal);
    const definition = definitions[signal];

    test('protobuf leaves as it came', () => {
      fc.assert(
        fc.property(generated[signal], (request) => {
          const bytes = definition.encode(request);
          const left = encode(decode(bytes, 'proto'), 'proto');
          assert.deepEqual(definition.decode(left), definition.decode(bytes));
        }),
      );
    });

    test('protobuf that leaves as JSON, and comes again, is the same', () => {
      fc.assert(
        fc.property(generated[signal], (request) => {
          const bytes = definition.encode(request);
          const json = encode(decode(bytes, 'proto'), 'json');
          const left = encode(decode(json, 'json'), 'proto');
          assert.deepEqual(definition.decode(left), definition.decode(bytes));
        }),
      );
    });

    test('another attribute on each resource and item changes nothing else', () => {
      fc.assert(
        fc.property(generated[signal], (request) => {
          const bytes = definition.encode(request);
          const added = mapBatch(decode(bytes, 'proto'), {
            resource: eachOnce(({ attributes }) => resource({ ...attributes, 'added.here': 1 })),
            item: (attributes) => ({ ...attributes, 'added.here': 1 }),
          });
          const removed = mapBatch(decode(encode(added, 'proto'), 'proto'), {
            resource: eachOnce(({ attributes: { 'added.here': one, ...attributes } }) => {
              assert.equal(one, 1);
              return resource(attributes);
            }),
            item({ 'added.here': one, ...attributes }) {
              assert.equal(one, 1);
              return attributes;
            },
          });
          assert.deepEqual(
            withoutEmpty(definition.decode(encode(removed, 'proto'))),
            withoutEmpty(definition.decode(bytes)),
          );
        }),
      );
    });

    test('parts of a batch are the whole', () => {
      fc.assert(
        fc.property(generated[signal], fc.integer({ min: 1, max: 4 }), (request, most) => {
          const batch = decode(definition.encode(request), 'proto');
          const parts = splitBatch(batch, most).map((part) => encode(part, 'proto'));
          const joined = decode(joinRequests(parts, 'proto'), 'proto');
          assert.deepEqual(
            itemsOf(definition.decode(encode(joined, 'proto'))),
            itemsOf(definition.decode(encode(batch, 'proto'))),
          );
        }),
      );
    });

    test('joined requests have all items in their groups, and each group once', () => {
      fc.assert(
        fc.property(generated[signal], generated[signal], (one, other) => {
          const requests = [one, other, one].map((request) => definition.encode(request));
          const [first, ...rest] = requests.map((bytes) => decode(bytes, 'proto'));
          assert.ok(first);
          const left = definition.decode(encode(joinBatches([first, ...rest]), 'proto'));
          const came = requests.flatMap((bytes) => groupedItems(definition.decode(bytes)));
          const went = groupedItems(left);
          assert.deepEqual(went.map(({ text }) => text).sort(), came.map(({ text }) => text).sort());
          const groups = new Set(went.map(({ group }) => group));
          assert.ok(groupsOf(left).length <= groups.size, 'a group comes more than once');
        }),
      );
    });

    test('any bytes are a request or refused, in either encoding', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
          for (const encoding of ['proto', 'json'] as const)
            try {
              encode(decode(bytes, encoding), encoding);
            } catch (error) {
              assert.equal((error as Error).name, 'MalformedError');
            }
        }),
      );
    });

    test('a request cut anywhere is a shorter one or refused', () => {
      fc.assert(
        fc.property(generated[signal], fc.nat(), (request, at) => {
          const bytes = definition.encode(request);
          try {
            decode(bytes.subarray(0, at % bytes.length), 'proto');
          } catch (error) {
            assert.equal((error as Error).name, 'MalformedError');
          }
        }),
      );
    });
  });

/** As processors do it: items go on sharing a resource. */
function eachOnce(change: (of: Resource) => Resource): (of: Resource) => Resource {
  const known = new Map<Resource, Resource>();
  return (of) => {
    const changed = known.get(of) ?? change(of);
    known.set(of, changed);
    return changed;
  };
}

/** An empty resource or scope that was not there before is the same as none. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) => {
      const content = withoutEmpty(each);
      const isEmpty = typeof content === 'object' && content !== null && Object.keys(content).length === 0;
      return key === 'resource' && isEmpty ? [] : [[key, content]];
    }),
  );
}

/** The points, records and spans of a decoded request, without their groups. */
function itemsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value.flatMap(itemsOf);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    key === 'dataPoints' || key === 'logRecords' || key === 'spans' ? each : itemsOf(each),
  );
}

interface GroupedItem {
  readonly group: string;
  readonly text: string;
}

type Level = Readonly<Record<string, unknown>>;

/** Resources, scopes and items are the only lists of their levels. */
function partsOf(level: Level): { readonly own: string; readonly parts: readonly Level[] } {
  const lists = Object.entries(level).filter(([, value]) => Array.isArray(value));
  const own = Object.entries(level).filter(([, value]) => !Array.isArray(value));
  return { own: JSON.stringify(own), parts: lists.flatMap(([, list]) => list as Level[]) };
}

const groupsOf = (request: unknown) =>
  partsOf(request as Level).parts.filter((group) =>
    partsOf(group).parts.some((scope) => partsOf(scope).parts.length > 0),
  );

/** Records, spans and metrics, each with its resource and its scope. */
const groupedItems = (request: unknown): readonly GroupedItem[] =>
  groupsOf(request).flatMap((group) => {
    const { own, parts } = partsOf(group);
    return parts.flatMap((scope) => {
      const { own: ofScope, parts: items } = partsOf(scope);
      return items.map((item) => ({ group: own, text: `${own} ${ofScope} ${JSON.stringify(item)}` }));
    });
  });

test('events of a span that a processor drops are not sent', () => {
  const { encode, decode } = codecOf('traces');
  const events = ['a', 'b', 'c'].map((name) => ({
    name,
    attributes: [{ key: name, value: { intValue: 1 } }],
  }));
  const request = { resourceSpans: [{ scopeSpans: [{ spans: [{ name: 'span', events }] }] }] };
  const batch = decode(definitions.traces.encode(request), 'proto');
  const rest = bySignal<Batch>(batch, {
    traces: ({ signal, spans }) => ({
      signal,
      spans: spans.map((span) => keepEvents(span, ({ name }) => name !== 'b')),
    }),
  });
  assert.ok(rest);
  assert.deepEqual(definitions.traces.decode(encode(rest, 'proto')), {
    resourceSpans: [
      {
        scopeSpans: [
          {
            spans: [
              {
                name: 'span',
                events: ['a', 'c'].map((name) => ({
                  name,
                  attributes: [{ key: name, value: { intValue: '1' } }],
                })),
              },
            ],
          },
        ],
      },
    ],
  });
});

test('JSON is read as OTLP has it: ids in either case, integers as texts or numbers, unknown names skipped', () => {
  const { decode, encode } = codecOf('logs');
  const text = `{"resourceLogs":[{"unknown":{"a":[1]},"scopeLogs":[{"logRecords":[{"timeUnixNano":1700000000000000001,
    "severityNumber":9,"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"","body":{"intValue":-5},
    "attributes":[{"key":"a","value":{"intValue":"9223372036854775807"}},{"key":"b","value":null}]}]}]}]}`;
  assert.deepEqual(definitions.logs.decode(encode(decode(Buffer.from(text), 'json'), 'proto')), {
    resourceLogs: [
      {
        scopeLogs: [
          {
            logRecords: [
              {
                timeUnixNano: '1700000000000000001',
                severityNumber: 9,
                traceId: Buffer.from('5b8efff798038103d269b633813fc60c', 'hex').toString('base64'),
                body: { intValue: '-5' },
                attributes: [{ key: 'a', value: { intValue: '9223372036854775807' } }, { key: 'b' }],
              },
            ],
          },
        ],
      },
    ],
  });
});

for (const [what, text, message] of [
  ['no JSON', '{"resourceLogs":', /^not JSON: /],
  ['another value', '[]', /^the request is no object$/],
  ['no list', '{"resourceLogs":{}}', /^resourceLogs is no list$/],
  ['an enumeration by name', record('"severityNumber":"SEVERITY_NUMBER_INFO"'), /severityNumber is no enum$/],
  ['an id in base64', record('"traceId":"W47/95gDgQPSabYzgT/GDA=="'), /traceId is no id$/],
  ['an id that is too short', record('"traceId":"5b8e"'), /traceId has not 16 bytes$/],
  [
    'an integer beyond 64 bits',
    record('"timeUnixNano":"18446744073709551616"'),
    /timeUnixNano is no fixed64$/,
  ],
  ['a fraction', record('"flags":1.5'), /flags is no fixed32$/],
] as const)
  test(`JSON with ${what} is refused`, () => {
    assert.throws(() => codecOf('logs').decode(Buffer.from(text), 'json'), {
      name: 'MalformedError',
      message,
    });
  });

function record(field: string): string {
  return `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{${field}}]}]}]}`;
}

test('a value that is nested without end is refused', () => {
  const nested = `${'{"arrayValue":{"values":['.repeat(5000)}{"intValue":1}${']}}'.repeat(5000)}`;
  const text = record(`"body":${nested}`);
  assert.throws(() => codecOf('logs').decode(Buffer.from(text), 'json'), /nested more than 100 deep/);
  let bytes = Uint8Array.of(0x18, 0x01);
  for (let depth = 0; depth < 60; depth++)
    bytes = Buffer.concat([
      Uint8Array.of(0x2a),
      varint(bytes.length + 1 + varint(bytes.length).length),
      Uint8Array.of(0x0a),
      varint(bytes.length),
      bytes,
    ]);
  for (const tag of [0x2a, 0x12, 0x12, 0x0a])
    bytes = Buffer.concat([Uint8Array.of(tag), varint(bytes.length), bytes]);
  assert.throws(() => codecOf('logs').decode(bytes, 'proto'), /nested more than 100 deep/);
});

const varint = (value: number) =>
  value < 128 ? Uint8Array.of(value) : Uint8Array.of((value & 127) | 128, value >> 7);
