import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { printConfig } from '../../../src/config/print.ts';
import { loadTexts, withProbe } from './sample-components.ts';

test('the printed configuration has every default, durations as text, and no secret', () => {
  const text = `receivers: {probe: {interval: 90s}}
exporters: {send: {endpoint: e, headers: {authorization: hunter2}}}
service: {pipelines: {metrics: {receivers: [probe], exporters: [send]}}}
`;
  assert.equal(
    printConfig(loadTexts([text])),
    `receivers:
  probe:
    interval: 1m30s
    depth: 3
    ratio: 0.5
    exact: false
    mode: fast
    include: []
    limits:
      count: 7
      age: 1m
processors: {}
connectors: {}
exporters:
  send:
    endpoint: e
    headers:
      authorization: "[REDACTED]"
extensions: {}
service:
  extensions: []
  pipelines:
    metrics:
      receivers:
        - probe
      processors: []
      exporters:
        - send
  host:
    root_path: /
    keep_names: 10m
    max_names: 16384
  telemetry:
    logs:
      level: info
      encoding: console
      output_paths:
        - stderr
      initial_fields: {}
      sampling:
        enabled: true
        tick: 10s
        initial: 10
        thereafter: 100
    metrics:
      level: normal
      readers: []
    resource: {}
`,
  );
});

test('the printed configuration is the same configuration', () => {
  const config = loadTexts([withProbe('{interval: 1.5s, mode: thorough, include: [a], limits: {age: 0}}')]);
  const again = loadTexts([printConfig(config)]);
  assert.deepEqual({ ...again, files: config.files }, config);
});

test('a printed text is the same text when it is read again, whatever dollars it has', () => {
  const unit = fc.constantFrom(
    '$',
    '{',
    '}',
    'env:',
    'X',
    ':',
    '-',
    '"',
    "'",
    '\\',
    '#',
    '\n',
    ' ',
    '0',
    'é',
  );
  fc.assert(
    fc.property(fc.string({ unit }), (text) => {
      const written = JSON.stringify(text.replaceAll('$', '$$$$'));
      const options = { environment: { X: 'expanded' } };
      const config = loadTexts([withProbe(`{label: ${written}, include: [${written}]}`)], options);
      assert.equal(config.receivers.get('probe')?.config.label, text);
      const again = loadTexts([printConfig(config)], options);
      assert.deepEqual({ ...again, files: config.files }, config);
    }),
  );
});
