import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatFor } from '../../../../src/exporters/prometheus/exposition/negotiate.ts';

const protobuf = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited';
const om = 'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8';
const text1 = 'text/plain;version=1.0.0;escaping=allow-utf-8';
/** What Prometheus 3 sends with native histograms, and without. */
const native = `${protobuf};q=0.6,${om};q=0.5,${text1};q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1`;
const usual = `${om};q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,${text1};q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2`;
/** Prometheus 2.42. */
const old =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

const kindOf = (accept: string | undefined, openMetrics = false) => {
  const { kind, utf8 } = formatFor(accept, { openMetrics });
  return `${kind}${utf8 ? ' utf8' : ''}`;
};

test('each reader gets what it wants most of what there is', () => {
  assert.equal(kindOf(native), 'protobuf');
  assert.equal(kindOf(usual), 'text utf8');
  assert.equal(kindOf(usual, true), 'openmetrics utf8');
  assert.equal(kindOf(old), 'text');
  assert.equal(kindOf(old, true), 'openmetrics');
  assert.equal(kindOf(undefined, true), 'text');
  assert.equal(kindOf('*/*', true), 'text');
  assert.equal(kindOf('text/html'), 'text');
});

test('protobuf is answered as delimited families only, and never at quality 0', () => {
  assert.equal(kindOf('application/vnd.google.protobuf'), 'text');
  assert.equal(kindOf(protobuf.replace('delimited', 'text')), 'text');
  assert.equal(kindOf(`${protobuf};q=0,text/plain;version=0.0.4;q=0.1`), 'text');
  assert.equal(kindOf(`text/plain;version=0.0.4;q=0.5, ${protobuf.replaceAll(';', ' ; ')}`), 'protobuf');
  assert.equal(kindOf(`${protobuf};escaping=allow-utf-8`), 'protobuf utf8');
});

test('the type that is answered names version and escaping', () => {
  const typeOf = (accept: string) => formatFor(accept, { openMetrics: true }).contentType;
  assert.equal(typeOf(protobuf), protobuf.replaceAll(';', '; '));
  assert.equal(
    typeOf(om),
    'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8',
  );
  assert.equal(
    typeOf('application/openmetrics-text'),
    'application/openmetrics-text; version=1.0.0; charset=utf-8',
  );
  assert.equal(
    typeOf('application/openmetrics-text;version=0.0.1'),
    'application/openmetrics-text; version=0.0.1; charset=utf-8',
  );
  assert.equal(
    typeOf('application/openmetrics-text;version=9.0.0'),
    'text/plain; version=0.0.4; charset=utf-8',
  );
  assert.equal(typeOf(text1), 'text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8');
});
