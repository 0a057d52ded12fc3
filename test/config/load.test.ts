import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { milliseconds, seconds } from '../../src/telemetry/units.ts';
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

test('a configuration becomes its pipelines, in order, with typed components', () => {
  const config = loadTexts([
    `receivers: {probe/a: {interval: 250ms}, events: }
processors: {trim: }
connectors: {relay/x: }
exporters: {show: }
extensions: {status: }
service:
  extensions: [status]
  host: {root_path: /host, keep_removed: 1m}
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
  assert.deepEqual(config.host, { root_path: '/host', keep_removed: seconds(60), max_cgroups: 16_384 });
  assert.deepEqual(config.telemetry, { logs: { level: 'info', encoding: 'json' } });
  assert.deepEqual(config.warnings, []);
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

test('a text from the environment stays the text it is where a text is wanted', () => {
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

const bodyProblems: readonly [body: string, ...problems: string[]][] = [
  ['{interva: 1s}', '2:11: receivers::probe::interva: unknown key "interva" (did you mean "interval"?)'],
  [
    '{wholly_else: 1}',
    '2:11: receivers::probe::wholly_else: unknown key "wholly_else" (known: interval, label, depth, ratio, exact, mode, include, limits)',
  ],
  [
    '{limits: {cuont: 1}}',
    '2:20: receivers::probe::limits::cuont: unknown key "cuont" (did you mean "count"?)',
  ],
  [
    '{interval: 10}',
    '2:21: receivers::probe::interval: duration 10 has no unit: write it like "10s" or "200ms"',
  ],
  [
    '{interval: soon}',
    '2:21: receivers::probe::interval: "soon" is not a duration: write it like 10s, 1h30m, 200ms or 1.5s',
  ],
  ['{interval: 1ms}', '2:21: receivers::probe::interval: must be at least 100ms, got "1ms"'],
  [
    '{interval: [1s]}',
    '2:21: receivers::probe::interval: a list is not a duration: write it like 10s, 1h30m, 200ms or 1.5s',
  ],
  ['{exact: yes}', '2:18: receivers::probe::exact: wants true or false, got "yes": use true or false'],
  [
    '{exact: "true"}',
    '2:18: receivers::probe::exact: wants true or false, got "true": write it without quotes',
  ],
  ['{label: 5}', '2:18: receivers::probe::label: wants a text, got 5: put it in quotes'],
  [
    '{depth: "5"}',
    '2:18: receivers::probe::depth: wants a whole number, got "5": write it as digits only, without quotes',
  ],
  [
    '{depth: 1_000}',
    '2:18: receivers::probe::depth: wants a whole number, got "1_000": write it as digits only, without quotes',
  ],
  ['{depth: 1.5}', '2:18: receivers::probe::depth: wants a whole number, got 1.5'],
  ['{depth: 0}', '2:18: receivers::probe::depth: must be >= 1, got 0'],
  [
    '{depth: 0755}',
    '2:18: number 0755 begins with 0: write 755, 0o755 if octal is meant, or "0755" for text',
  ],
  [
    '{depth: 99999999999999999999}',
    '2:18: number 99999999999999999999 is too large to be exact: write "99999999999999999999" if text is meant',
  ],
  [
    '{mode: fats}',
    '2:17: receivers::probe::mode: "fats" is not one of fast, thorough (did you mean "fast"?)',
  ],
  ['{include: a}', '2:20: receivers::probe::include: wants a list, got "a": write [a]'],
  ['{limits: 5}', '2:19: receivers::probe::limits: wants keys and values, got 5'],
  ['{depth: 1, depth: 2}', '2:21: duplicate key "depth" (first in line 2)'],
  [
    '{depth: 1, mode: x, interva: 1s}',
    '2:27: receivers::probe::mode: "x" is not one of fast, thorough',
    '2:30: receivers::probe::interva: unknown key "interva" (did you mean "interval"?)',
  ],
  [
    '\n    interval:10s',
    '3:5: receivers::probe: wants keys and values, got "interval:10s": is a space missing after ":"?',
  ],
  ['\n    interval:10s\n    depth: 1', '3:5: missing space after "interval:"'],
  [
    '\n    depth:1: 2',
    '3:5: receivers::probe::depth:1: unknown key "depth:1": is a space missing after ":"?',
  ],
  ['\n\tdepth: 1', '3:1: tab in the indentation: indent with spaces'],
  ['\n    depth: 1\n   \tmode: fast', '4:1: tab in the indentation: indent with spaces'],
  ['{label: ${env:X}}', '2:19: between { } or [ ], quotes are needed: "${env:NAME}"'],
  ['{label: "a}', '2:18: the quote is not closed'],
  ['{label: *nowhere}', '2:18: alias "*nowhere" has no anchor'],
  [
    '{include: &x [*x]}',
    '2:24: alias "*x" repeats too much',
    '2:24: receivers::probe::include::0: wants a text, got null',
  ],
  ['{label: !secret x}', '2:18: unresolved tag: !secret'],
  ['{<<: 5}', '2:15: only a mapping can be merged with "<<"'],
  ['{label: "${env:X"}', '2:18: "${" without "}": write "$${" if the text itself is meant'],
];

for (const [body, ...expected] of bodyProblems)
  test(`a bad body is reported where it is: ${body.trim()}`, () => {
    assert.deepEqual(
      problemsOf(withProbe(body)),
      expected.map((problem) => `a.yaml:${problem}`),
    );
  });

const head = 'receivers: {probe: , events: }\nexporters: {show: , send: {endpoint: e}}\n';
const pipelines = (text: string, more = '') => `${head}${more}service: {pipelines: {${text}}}\n`;
const at = (column: number, text: string) =>
  `a.yaml:3:${column + 'service: {pipelines: {'.length}: service::pipelines::${text}`;

const wholeProblems: readonly [name: string, text: string, ...problems: string[]][] = [
  ['an empty file', '', 'a.yaml:1:1: empty configuration file'],
  ['a file of comments', '# nothing\n', 'a.yaml:1:1: empty configuration file'],
  [
    'a list',
    '- a\n',
    'a.yaml:1:1: the configuration must be keys and values: receivers, exporters, service, …',
  ],
  [
    'a sentence',
    'hello',
    'a.yaml:1:1: the configuration must be keys and values: receivers, exporters, service, …',
  ],
  [
    'two documents',
    'a: 1\n---\nb: 1\n',
    'a.yaml:2:1: more than one YAML document in the file: give each its own --config file',
  ],
  [
    'an empty mapping',
    '{}',
    'a.yaml:1:1: receivers: no receiver configuration specified in config',
    'a.yaml:1:1: exporters: no exporter configuration specified in config',
    'a.yaml:1:1: service: service must have at least one pipeline',
  ],
  [
    'an unknown section',
    `procesors: {}\n${withProbe('')}`,
    'a.yaml:1:1: procesors: unknown key "procesors" (did you mean "processors"?)',
  ],
  [
    'no pipeline',
    `${head}service: {pipelines: }\n`,
    'a.yaml:3:11: service::pipelines: service must have at least one pipeline',
  ],
  [
    'an unknown type',
    'receivers: {prob: }\nexporters: {show: }\nservice: {pipelines: {metrics: {receivers: [prob], exporters: [show]}}}',
    'a.yaml:1:13: receivers::prob: unknown type: "prob" for id: "prob" (did you mean "probe"?)',
  ],
  [
    'a type far from all',
    'receivers: {zzz/1: }\nexporters: {show: }\nservice: {pipelines: {metrics: {receivers: [zzz/1], exporters: [show]}}}',
    'a.yaml:1:13: receivers::zzz/1: unknown type: "zzz" for id: "zzz/1" (valid values: [probe events])',
  ],
  [
    'an id without a type',
    'receivers: {/x: }\nexporters: {show: }\nservice: {pipelines: {metrics: {receivers: [/x], exporters: [show]}}}',
    'a.yaml:1:13: receivers::/x: in "/x" id: the part before / should not be empty',
  ],
  [
    'an id without a name',
    'receivers: {probe/: }\nexporters: {show: }\nservice: {pipelines: {metrics: {receivers: [probe/], exporters: [show]}}}',
    'a.yaml:1:13: receivers::probe/: in "probe/" id: the part after / should not be empty',
  ],
  [
    'an id with a space',
    'receivers: {pro be: }\nexporters: {show: }\nservice: {pipelines: {metrics: {receivers: [pro be], exporters: [show]}}}',
    'a.yaml:1:13: receivers::pro be: invalid character(s) in type "pro be"',
  ],
  [
    'a name with a symbol',
    'receivers: {probe/a+b: }\nexporters: {show: }\nservice: {pipelines: {metrics: {receivers: [probe/a+b], exporters: [show]}}}',
    'a.yaml:1:13: receivers::probe/a+b: invalid character(s) in name "a+b"',
  ],
  [
    'a missing required key',
    pipelines('metrics: {receivers: [probe], exporters: [send/x]}', 'exporters: {send/x: }\n').replace(
      /^exporters: .*\n/m,
      '',
    ),
    'a.yaml:2:13: exporters::send/x::endpoint: required key "endpoint" is missing',
  ],
  [
    'an empty required text',
    pipelines('metrics: {receivers: [probe], exporters: [send]}').replace('{endpoint: e}', '{endpoint: ""}'),
    'a.yaml:2:38: exporters::send::endpoint: must not be empty',
  ],
  [
    'traces',
    pipelines('traces: {receivers: [probe], exporters: [show]}'),
    at(1, 'traces: pipeline "traces": traces are not supported: Earshot has metrics and logs'),
  ],
  [
    'an unknown signal',
    pipelines('metric: {receivers: [probe], exporters: [show]}'),
    at(
      1,
      'metric: unknown signal "metric" (did you mean "metrics"?): a pipeline\'s id is metrics or logs, or metrics/name',
    ),
  ],
  [
    'a pipeline without ends',
    pipelines('metrics: {receivers: []}'),
    at(1, 'metrics::exporters: must have at least one exporter'),
    at(11, 'metrics::receivers: must have at least one receiver'),
  ],
  [
    'an empty pipeline',
    pipelines('metrics: '),
    at(1, 'metrics::receivers: must have at least one receiver'),
    at(1, 'metrics::exporters: must have at least one exporter'),
  ],
  [
    'a reference to nothing',
    pipelines('metrics: {receivers: [prob], processors: [trim], exporters: [shwo]}'),
    at(
      23,
      'metrics::receivers::0: references receiver "prob" which is not configured (did you mean "probe"?)',
    ),
    at(43, 'metrics::processors::0: references processor "trim" which is not configured'),
    at(
      62,
      'metrics::exporters::0: references exporter "shwo" which is not configured (did you mean "show"?)',
    ),
  ],
  [
    'an extension that is not there',
    pipelines('metrics: {receivers: [probe], exporters: [show]}').replace(
      'service: {',
      'service: {extensions: [status], ',
    ),
    'a.yaml:3:24: service::extensions::0: references extension "status" which is not configured',
  ],
  [
    'a signal the component has not',
    pipelines('logs: {receivers: [probe], exporters: [show]}'),
    at(20, 'logs::receivers::0: receiver "probe" does not support logs (only metrics)'),
  ],
  [
    'a processor twice',
    pipelines(
      'metrics: {receivers: [probe], processors: [trim, trim], exporters: [show]}',
      'processors: {trim: }\n',
    )
      .replace('service', '#\nservice')
      .replace('#\n', ''),
    'a.yaml:4:72: service::pipelines::metrics::processors::1: references processor "trim" multiple times',
  ],
  [
    'a problem beside another',
    pipelines('metrics: {receivers: [x], exporters: [show]}, logs: {receivers: 5}'),
    at(23, 'metrics::receivers::0: references receiver "x" which is not configured'),
    at(47, 'logs::exporters: must have at least one exporter'),
    at(65, 'logs::receivers: wants a list, got 5'),
  ],
];

for (const [name, text, ...expected] of wholeProblems)
  test(`a bad configuration is reported where it is bad: ${name}`, () => {
    assert.deepEqual(problemsOf(text), expected);
  });

const wiring = (connectors: string, text: string) =>
  `receivers: {probe: , events: }\nexporters: {show: }\nconnectors: {${connectors}}\nservice:\n  pipelines:\n${text}`;

test('a connector needs both its ends, with signals it connects', () => {
  assert.deepEqual(problemsOf(wiring('relay: ', '    metrics: {receivers: [probe], exporters: [relay]}\n')), [
    'a.yaml:6:47: service::pipelines::metrics::exporters::0: connector "relay" used as exporter in [metrics] pipeline but not used in any supported receiver pipeline',
  ]);
  assert.deepEqual(problemsOf(wiring('relay: ', '    logs: {receivers: [relay], exporters: [show]}\n')), [
    'a.yaml:6:24: service::pipelines::logs::receivers::0: connector "relay" used as receiver in [logs] pipeline but not used in any supported exporter pipeline',
  ]);
  const fromLogs =
    '    logs: {receivers: [events], exporters: [relay]}\n    metrics: {receivers: [relay], exporters: [show]}\n';
  assert.equal(problemsOf(wiring('relay: ', fromLogs)).length, 2);
});

test('an id names one thing', () => {
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

test('pipelines in a circle are refused, with the way round', () => {
  const circle = `    metrics: {receivers: [probe, relay/b], exporters: [relay]}
    metrics/2: {receivers: [relay], processors: [], exporters: [relay/b, show]}\n`;
  assert.deepEqual(problemsOf(wiring('relay: , relay/b: ', circle)), [
    'a.yaml:5:3: service::pipelines: cycle detected: connector "relay" -> connector "relay/b" -> connector "relay"',
  ]);
});

test('what is odd but harmless is a warning', () => {
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
    message: 'at least one config flag must be provided',
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
