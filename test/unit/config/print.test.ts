import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
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

test('behind each value stands where it was written, through merges, references and anchors', () => {
  const texts = [
    `receivers:
  probe: &probe
    interval: 90s
    mode: \${env:MODE:-fast}
    limits: {count: 5}
  probe/2:
    <<: *probe
    depth: 4
exporters:
  send:
    endpoint: e
    headers: {authorization: "\${env:TOKEN}"}
service: {pipelines: {metrics: {receivers: [probe, probe/2], exporters: [send]}}}
`,
    `receivers:
  probe:
    interval: 30s
    limits:
    include:
      - one
      - two
`,
  ];
  const options = { sets: ['receivers::probe::ratio=0.25'], environment: { TOKEN: 'hunter2' } };
  const printed = printConfig(loadTexts(texts, { ...options, withOrigins: true }));
  const from = printed.indexOf('receivers:');
  assert.equal(
    printed.slice(from, printed.indexOf('service:')),
    `receivers:
  probe:
    interval: 30s # b.yaml:3
    mode: fast # a.yaml:4, the value from the environment
    limits:
      count: 7 # default
      age: 1m # default
    include:
      - one # b.yaml:6
      - two # b.yaml:7
    ratio: 0.25 # --set
    depth: 3 # default
    exact: false # default
  probe/2:
    depth: 4 # a.yaml:8
    interval: 1m30s # a.yaml:3
    mode: fast # a.yaml:4, the value from the environment
    limits:
      count: 5 # a.yaml:5
      age: 1m # default
    ratio: 0.5 # default
    exact: false # default
    include: []
processors: {}
connectors: {}
exporters:
  send:
    endpoint: e # a.yaml:11
    headers:
      authorization: "[REDACTED]" # a.yaml:12, the value from the environment
extensions: {}
`,
  );
  assert.deepEqual(parse(printed), parse(printConfig(loadTexts(texts, options))));
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
