import fc from 'fast-check';

/** Requests of OTLP by the names of the protocol's definitions, 64-bit integers as decimal texts. */
type Fields = Readonly<Record<string, fc.Arbitrary<unknown>>>;

/** Each field is there or not, as the protocol has it. */
const message = (fields: Fields) => fc.record(fields, { requiredKeys: [] });
const withKeys = (fields: Fields, requiredKeys: string[]) => fc.record(fields, { requiredKeys });
const some = <T>(of: fc.Arbitrary<T>) => fc.array(of, { maxLength: 3 });
const atLeastOne = <T>(of: fc.Arbitrary<T>) => fc.array(of, { minLength: 1, maxLength: 3 });

// proto3 does not write a default: there and absent are the same on the wire, but for fields with presence
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const uint32 = fc.integer({ min: 1, max: 2 ** 32 - 1 });
const uint64 = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }).map(String);
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
const sint32 = fc.integer().filter((n) => n !== 0);
const double = fc.double();
const nonZero = double.filter((n) => n !== 0);

const anyValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constant({}),
    fc.record({ stringValue: fc.string({ unit: 'grapheme', maxLength: 12 }) }),
    fc.record({ boolValue: fc.boolean() }),
    fc.record({ intValue: int64 }),
    fc.record({ doubleValue: double }),
    fc.record({ bytesValue: fc.uint8Array({ maxLength: 8 }) }),
    fc.record({ arrayValue: fc.record({ values: some(tie('value')) }) }),
    fc.record({ kvlistValue: fc.record({ values: some(fc.record({ key: text, value: tie('value') })) }) }),
  ),
})).value;

const attributes = fc.uniqueArray(withKeys({ key: text, value: anyValue }, ['key', 'value']), {
  maxLength: 3,
  selector: ({ key }) => key,
});
const droppedAttributesCount = uint32;
const time = uint64;
const ids = { traceId: bytes(16), spanId: bytes(8) };

const resource = message({
  ...{ attributes, droppedAttributesCount },
  entityRefs: some(message({ schemaUrl: text, type: text, idKeys: some(text), descriptionKeys: some(text) })),
});
const scope = message({ name: text, version: text, attributes, droppedAttributesCount });

const request = (resources: string, scopes: string, items: string, item: fc.Arbitrary<unknown>) =>
  fc.record({
    [resources]: atLeastOne(
      withKeys(
        {
          resource,
          schemaUrl: text,
          [scopes]: atLeastOne(withKeys({ scope, schemaUrl: text, [items]: atLeastOne(item) }, [items])),
        },
        [scopes],
      ),
    ),
  });

const logRecord = message({
  ...{ timeUnixNano: time, observedTimeUnixNano: time, severityNumber: fc.integer({ min: 1, max: 24 }) },
  ...{ severityText: text, body: anyValue, attributes, droppedAttributesCount, flags: uint32 },
  ...ids,
  eventName: text,
});

const span = message({
  ...ids,
  ...{ traceState: text, parentSpanId: bytes(8), flags: uint32, name: text },
  kind: fc.integer({ min: 1, max: 5 }),
  ...{ startTimeUnixNano: time, endTimeUnixNano: time },
  ...{ attributes, droppedAttributesCount, droppedEventsCount: uint32, droppedLinksCount: uint32 },
  events: some(message({ timeUnixNano: time, name: text, attributes, droppedAttributesCount })),
  links: some(message({ ...ids, traceState: text, attributes, droppedAttributesCount, flags: uint32 })),
  status: message({ message: text, code: fc.integer({ min: 1, max: 2 }) }),
});

const number = fc.oneof(fc.record({ asInt: int64 }), fc.record({ asDouble: double }), fc.constant({}));
const joined = (...parts: fc.Arbitrary<unknown>[]) =>
  fc.tuple(...parts).map((all) => Object.assign({}, ...(all as object[])));
const exemplar = joined(message({ filteredAttributes: attributes, timeUnixNano: time, ...ids }), number);
const ofPoint = { attributes, startTimeUnixNano: time, timeUnixNano: time, flags: uint32 };
const withExemplars = { ...ofPoint, exemplars: some(exemplar) };
const counts = { count: uint64, min: double, max: double };
const buckets = message({ offset: sint32, bucketCounts: some(uint64) });
const aggregationTemporality = fc.integer({ min: 1, max: 2 });

const data = fc.oneof(
  fc.record({ gauge: fc.record({ dataPoints: atLeastOne(joined(message(withExemplars), number)) }) }),
  fc.record({
    sum: withKeys(
      {
        ...{ aggregationTemporality, isMonotonic: fc.constant(true) },
        dataPoints: atLeastOne(joined(message(withExemplars), number)),
      },
      ['dataPoints'],
    ),
  }),
  fc.record({
    histogram: withKeys(
      {
        aggregationTemporality,
        dataPoints: atLeastOne(
          message({
            ...{ ...withExemplars, ...counts, sum: double },
            ...{ bucketCounts: some(uint64), explicitBounds: some(double) },
          }),
        ),
      },
      ['dataPoints'],
    ),
  }),
  fc.record({
    exponentialHistogram: withKeys(
      {
        aggregationTemporality,
        dataPoints: atLeastOne(
          message({
            ...{ ...withExemplars, ...counts, sum: double },
            ...{ scale: sint32, zeroCount: uint64, positive: buckets, negative: buckets },
            zeroThreshold: nonZero,
          }),
        ),
      },
      ['dataPoints'],
    ),
  }),
  fc.record({
    summary: fc.record({
      dataPoints: atLeastOne(
        message({
          ...{ ...ofPoint, count: uint64, sum: nonZero },
          quantileValues: some(message({ quantile: nonZero, value: nonZero })),
        }),
      ),
    }),
  }),
  fc.constant({}),
);
const metric = joined(message({ name: text, description: text, unit: text, metadata: attributes }), data);

export const generated = {
  logs: request('resourceLogs', 'scopeLogs', 'logRecords', logRecord),
  traces: request('resourceSpans', 'scopeSpans', 'spans', span),
  metrics: request('resourceMetrics', 'scopeMetrics', 'metrics', metric),
} as const;
