import assert from 'node:assert/strict';
import { test } from 'node:test';
import { components } from '../../../src/components.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { seconds } from '../../../src/telemetry/units.ts';

function telemetry(text: string) {
  const pipeline = 'metrics: {receivers: [agent], exporters: [debug]}';
  const whole = `receivers: {agent: }\nexporters: {debug: }\nservice: {pipelines: {${pipeline}}, telemetry: {${text}}}`;
  const input = { files: ['test'], sets: [], environment: {}, readFile: () => whole };
  return loadConfig(input, components).telemetry;
}

test('a reader is written as in the Collector, and has its defaults', () => {
  const { metrics } = telemetry(
    'metrics: {readers: [{pull: {exporter: {prometheus: }}}, {periodic: {interval: 30s, exporter: {otlp: }}}]}',
  );
  const [pull, periodic] = metrics.readers;
  assert.equal(metrics.level, 'normal');
  assert.deepEqual(pull?.pull?.exporter.prometheus, {
    host: 'localhost',
    port: 8888,
    without_scope_info: false,
    without_target_info: false,
  });
  assert.equal(periodic?.periodic?.interval, seconds(30));
  assert.equal(periodic?.periodic?.exporter.otlp.endpoint, 'http://localhost:4317');
});

test('a reader is one of the two, and knows no other keys', () => {
  assert.throws(() => telemetry('metrics: {readers: [{}]}'), /readers/);
  assert.throws(
    () => telemetry('metrics: {readers: [{pull: {exporter: {prometheus: {prot: 1}}}}]}'),
    /unknown key "prot"/,
  );
  assert.throws(() => telemetry('metrics: {level: loud}'), /"loud" is not one of none, basic/);
});

test('an attribute of the resource can be null, and nothing else but a text, number or truth value', () => {
  assert.deepEqual(telemetry('resource: {a: null, b: x, c: 1, d: true}').resource, {
    a: null,
    b: 'x',
    c: 1,
    d: true,
  });
  assert.throws(() => telemetry('resource: {a: [1]}'));
});

test('headers of a reader are never printed', () => {
  assert.throws(
    () => telemetry('metrics: {readers: [{periodic: {exporter: {otlp: {headers: {key: [s3cret]}}}}}]}'),
    (error: Error) => !error.message.includes('s3cret'),
  );
});

test('a header that gRPC cannot carry, and credentials in the endpoint of a reader, are refused and not shown', () => {
  const reader = (otlp: string) =>
    telemetry(`metrics: {readers: [{periodic: {exporter: {otlp: {${otlp}}}}}]}`);
  for (const text of ['headers: {authorization: "s3cret\u20ac"}', 'endpoint: "http://u:s3cret@host:4317"'])
    assert.throws(
      () => reader(text),
      (error: Error) => /metrics::readers::0/.test(error.message) && !error.message.includes('s3cret'),
      text,
    );
});

test('the level of the log is written in any case, and other words are refused', () => {
  assert.equal(telemetry('logs: {level: DEBUG}').logs.level, 'debug');
  assert.equal(telemetry('logs: {level: Warn}').logs.level, 'warn');
  assert.throws(() => telemetry('logs: {level: LOUD}'), /is not one of debug, info, warn, error/);
});

test('an initial field under the name of one that each line has is refused at its place', () => {
  assert.throws(
    () => telemetry('logs: {initial_fields: {cluster: a, level: x, ts: 1}}'),
    (error: Error) => {
      const [first, , , second] = error.message.split('\n');
      assert.match(
        first ?? '',
        /:\d+: service::telemetry::logs::initial_fields::level: each line has "level"/,
      );
      assert.match(
        second ?? '',
        /initial_fields::ts: each line has "ts" from the agent already: give the field another name$/,
      );
      return true;
    },
  );
});
