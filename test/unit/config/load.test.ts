import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import { milliseconds, seconds } from '../../../src/telemetry/units.ts';
import { probeConfig, problemsOf, warningsOf } from './load-fixture.ts';
import { loadTexts, sampleComponents, withProbe } from './sample-components.ts';

test('a component without a body has its defaults, durations decoded', () => {
  const expected = {
    interval: seconds(10),
    depth: 3,
    ratio: 0.5,
    exact: false,
    mode: 'fast',
    include: [],
    limits: { count: 7, age: seconds(60) },
  };
  assert.deepEqual(probeConfig(''), expected);
  assert.deepEqual(probeConfig('{}'), expected);
  assert.deepEqual(probeConfig('{depth: , limits: }'), expected);
  assert.deepEqual(probeConfig('{limits: {count: 1}}'), {
    ...expected,
    limits: { count: 1, age: seconds(60) },
  });
});

test('a configuration has its own defaults and problems, whichever was loaded before', () => {
  const first = probeConfig('{depth: 4}');
  const second = probeConfig('{label: x}');
  assert.deepEqual([first?.depth, second?.depth, second?.label], [4, 3, 'x']);
  assert.notEqual(first?.limits, second?.limits);
  assert.notEqual(first?.include, second?.include);
  assert.equal(problemsOf(withProbe('{depth: 0}')).length, 1);
  assert.equal(problemsOf(withProbe('{dept: 1, ratio: x}')).length, 2);
  assert.deepEqual(probeConfig('{depth: 4}'), first);
});

test('a configuration becomes its pipelines, in order, with typed components', () => {
  const config = loadTexts([
    `receivers: {probe/a: {interval: 250ms}, events: }
processors: {trim: }
connectors: {relay/x: }
exporters: {show: }
extensions: {status: }
service:
  extensions: [status]
  host: {root_path: /host, keep_names: 1m}
  telemetry: {logs: {encoding: json}}
  pipelines:
    metrics/in: {receivers: [probe/a], processors: [trim], exporters: [relay/x]}
    logs: {receivers: [relay/x, events], exporters: [show]}
`,
  ]);
  assert.deepEqual(config.pipelines, [
    {
      id: 'metrics/in',
      signal: 'metrics',
      receivers: ['probe/a'],
      processors: ['trim'],
      exporters: ['relay/x'],
    },
    { id: 'logs', signal: 'logs', receivers: ['relay/x', 'events'], processors: [], exporters: ['show'] },
  ]);
  assert.equal(config.receivers.get('probe/a')?.config.interval, milliseconds(250));
  assert.equal(config.receivers.get('probe/a')?.component.type, 'probe');
  assert.deepEqual(config.started, ['status']);
  assert.deepEqual(config.host, { root_path: '/host', keep_names: seconds(60), max_names: 16_384 });
  assert.deepEqual(config.telemetry, {
    logs: {
      ...{ level: 'info', encoding: 'json', output_paths: ['stderr'], initial_fields: {} },
      sampling: { enabled: true, tick: seconds(10), initial: 10, thereafter: 100 },
    },
    metrics: { level: 'normal', readers: [] },
    resource: {},
  });
  assert.deepEqual(config.warnings, []);
});

test('settings of services are checked where components use the service', () => {
  const of = (host: string) => withProbe('').replace('service: {', `service: {host: ${host}, `);
  assert.deepEqual(loadTexts([withProbe('')]).host, {
    root_path: '/',
    keep_names: seconds(600),
    max_names: 16_384,
  });
  assert.match(problemsOf(of('{max_names: 3}')).join(), /service::host::max_names: .*>= 64, got 3/);
  assert.match(problemsOf(of('{max_name: 300}')).join(), /unknown key "max_name".*did you mean "max_names"/);
});

test('later files win, lists are replaced, a null wipes, and --set is last', () => {
  const base = withProbe('{depth: 1, include: [a, b], label: base}');
  const over = 'receivers: {probe: {include: [c], label: }}';
  const [probe] = [
    ...loadTexts([base, over], {
      sets: ['receivers::probe::depth=9', 'receivers.probe.interval=1s'],
    }).receivers.values(),
  ];
  assert.deepEqual(probe?.config.include, ['c']);
  assert.equal(probe?.config.label, undefined);
  assert.equal(probe?.config.depth, 9);
  assert.equal(probe?.config.interval, seconds(1));
});

test('anchors and merge keys work', () => {
  const config = loadTexts([
    `receivers:
  probe: &one {depth: 5, mode: thorough}
  probe/b: {<<: *one, depth: 6}
exporters: {show: }
service: {pipelines: {metrics: {receivers: [probe, probe/b], exporters: [show]}}}
`,
  ]);
  assert.equal(config.receivers.get('probe/b')?.config.depth, 6);
  assert.equal(config.receivers.get('probe/b')?.config.mode, 'thorough');
});

test('a value from the environment stays verbatim where the schema wants a string', () => {
  assert.equal(probeConfig('{label: "${env:L}"}', { environment: { L: '0123' } })?.label, '0123');
  assert.equal(probeConfig('{depth: "${env:D}"}', { environment: { D: '12' } })?.depth, 12);
  assert.equal(probeConfig('{interval: "${env:I:-2s}"}')?.interval, seconds(2));
});

test('an unset variable leaves the default, with a warning', () => {
  assert.equal(probeConfig('{depth: "${env:NOPE}"}')?.depth, 3);
  assert.deepEqual(warningsOf(withProbe('{depth: "${env:NOPE}"}')), [
    'a.yaml:2:18: Configuration references unset environment variable "NOPE"',
  ]);
});

const wiring = (connectors: string, text: string) =>
  `receivers: {probe: , events: }\nexporters: {show: }\nconnectors: {${connectors}}\nservice:\n  pipelines:\n${text}`;

test('a connector needs both its ends, with signals it connects', () => {
  assert.deepEqual(problemsOf(wiring('relay: ', '    metrics: {receivers: [probe], exporters: [relay]}\n')), [
    'a.yaml:6:47: service::pipelines::metrics::exporters::0: connector "relay" used as exporter in [metrics] pipeline but not used in any supported receiver pipeline: name it in the receivers of a pipeline of metrics or logs',
  ]);
  assert.deepEqual(problemsOf(wiring('relay: ', '    logs: {receivers: [relay], exporters: [show]}\n')), [
    'a.yaml:6:24: service::pipelines::logs::receivers::0: connector "relay" used as receiver in [logs] pipeline but not used in any supported exporter pipeline: name it in the exporters of a pipeline of metrics',
  ]);
  const fromLogs =
    '    logs: {receivers: [events], exporters: [relay]}\n    metrics: {receivers: [relay], exporters: [show]}\n';
  assert.equal(problemsOf(wiring('relay: ', fromLogs)).length, 2);
});

test('a duplicate id is refused', () => {
  const both = wiring(
    'relay: ',
    '    metrics: {receivers: [probe], exporters: [relay, show]}\n    logs: {receivers: [relay], exporters: [show]}\n',
  );
  assert.deepEqual(problemsOf(both), []);
  const relay = sampleComponents.find(({ type }) => type === 'relay');
  assert.ok(relay?.kind === 'connector');
  const namesake = { ...relay, type: 'show' };
  const text = both.replace('{relay: }', '{relay: , show: }');
  const load = () =>
    loadConfig({ files: ['a'], sets: [], environment: {}, readFile: () => text }, [
      ...sampleComponents,
      namesake,
    ]);
  assert.throws(load, /connectors::show: ambiguous ID: Found both "show" exporter and "show" connector/);
});

test('a cycle of pipelines is refused with its path', () => {
  const circle = `    metrics: {receivers: [probe, relay/b], exporters: [relay]}
    metrics/2: {receivers: [relay], processors: [], exporters: [relay/b, show]}\n`;
  assert.deepEqual(problemsOf(wiring('relay: , relay/b: ', circle)), [
    'a.yaml:5:3: service::pipelines: cycle detected: connector "relay" -> connector "relay/b" -> connector "relay": take one connector on the way out of a pipeline',
  ]);
});

test('a harmless oddity is a warning', () => {
  const text = `receivers: {probe: , probe/unused: }
exporters: {sender: {endpoint: e}}
processors: {trim: }
extensions: {status: }
service: {pipelines: {metrics: {receivers: [probe, probe], exporters: [sender]}}}
`;
  assert.deepEqual(warningsOf(text).toSorted(), [
    'a.yaml:1:22: receivers::probe/unused: configured but used in no pipeline',
    'a.yaml:2:13: exporters::sender: "sender" alias is deprecated; use "send" instead',
    'a.yaml:3:14: processors::trim: configured but used in no pipeline',
    'a.yaml:4:14: extensions::status: configured but not in service::extensions',
    'a.yaml:5:52: service::pipelines::metrics::receivers::1: references receiver "probe" multiple times',
  ]);
});

test('problems of all files and of --set come at once, each with its own place', () => {
  const problems = problemsOf([withProbe('{depth: 1}'), 'receivers: {probe: {mode: x}}'], {
    sets: ['receivers::probe::interval=5', 'receivers.probe.nope=1'],
  });
  assert.deepEqual(problems.toSorted(), [
    '--set:1:1: receivers::probe::nope: unknown key "nope" (known: interval, label, depth, ratio, exact, mode, include, limits)',
    '--set:1:28: receivers::probe::interval: duration 5 has no unit: write it like "10s" or "200ms"',
    'b.yaml:1:27: receivers::probe::mode: "x" is not one of fast, thorough',
  ]);
  assert.deepEqual(problemsOf(withProbe(''), { sets: ['nothing'] }), [
    '--set:1:1: missing equal sign: write --set key::key=value',
  ]);
  assert.deepEqual(problemsOf(withProbe(''), { sets: ['a..b=1'] }), [
    '--set:1:1: a key before the equal sign is empty',
  ]);
});

test('files that cannot be read are named, all of them', () => {
  const load = () =>
    loadConfig({ files: ['/nowhere/a.yaml', '/'], sets: [], environment: {} }, sampleComponents);
  assert.throws(load, {
    message: 'cannot read /nowhere/a.yaml: no such file\ncannot read /: it is a directory',
  });
  assert.throws(() => loadConfig({ files: [], sets: [], environment: {} }, sampleComponents), {
    message: 'at least one config flag must be provided: add --config FILE',
  });
});

test('a problem shows its line with a caret below, all problems in the order of the file', () => {
  assert.throws(() => loadTexts([withProbe('{interva: 1s, exact: on}')]), {
    message: `a.yaml:2:11: receivers::probe::interva: unknown key "interva" (did you mean "interval"?)
  2 |   probe: {interva: 1s, exact: on}
    |           ^^^^^^^
a.yaml:2:31: receivers::probe::exact: wants true or false, got "on": use true or false
  2 |   probe: {interva: 1s, exact: on}
    |                               ^^`,
  });
});
