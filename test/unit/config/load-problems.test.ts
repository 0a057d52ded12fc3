import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problemsOf } from './load-fixture.ts';
import { withProbe } from './sample-components.ts';

/** Problems of a configuration, with their reported positions. */

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
  ['{depth: 1, depth: 2}', '2:21: duplicate key "depth" (first in line 2): keep one of them'],
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
  [
    '{label: *nowhere}',
    '2:18: alias "*nowhere" has no anchor: write & and the name before the value that it repeats',
  ],
  [
    '{include: &x [*x]}',
    '2:24: alias "*x" stands inside its own anchor: it cannot repeat what contains it',
    '2:24: receivers::probe::include::0: wants a text, got null',
  ],
  ['{label: !secret x}', '2:18: unresolved tag: !secret'],
  ['{<<: 5}', '2:15: only a mapping can be merged with "<<"'],
  ['{label: "${env:X"}', '2:18: "${" without "}": write "$${" if the text itself is meant'],
];

for (const [body, ...expected] of bodyProblems)
  test(`an invalid body is reported at its position: ${body.trim()}`, () => {
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
    'a.yaml:1:1: receivers: no receiver configuration specified in config: add the section receivers',
    'a.yaml:1:1: exporters: no exporter configuration specified in config: add the section exporters',
    'a.yaml:1:1: service: service must have at least one pipeline: add it to service::pipelines',
  ],
  [
    'an unknown section',
    `procesors: {}\n${withProbe('')}`,
    'a.yaml:1:1: procesors: unknown key "procesors" (did you mean "processors"?)',
  ],
  [
    'no pipeline',
    `${head}service: {pipelines: }\n`,
    'a.yaml:3:11: service::pipelines: service must have at least one pipeline: add it to service::pipelines',
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
    'traces and profiles from components without them',
    pipelines(
      'traces: {receivers: [probe], exporters: [show]}, profiles/a: {receivers: [probe], exporters: [show]}',
    ),
    at(22, 'traces::receivers::0: receiver "probe" does not support traces (only metrics)'),
    at(42, 'traces::exporters::0: exporter "show" does not support traces (only metrics and logs)'),
    at(75, 'profiles/a::receivers::0: receiver "probe" does not support profiles (only metrics)'),
    at(95, 'profiles/a::exporters::0: exporter "show" does not support profiles (only metrics and logs)'),
  ],
  [
    'an unknown signal',
    pipelines('metric: {receivers: [probe], exporters: [show]}'),
    at(
      1,
      'metric: unknown signal "metric" (did you mean "metrics"?): a pipeline\'s id is a signal (metrics, logs, traces, profiles), or signal/name',
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
    at(
      43,
      'metrics::processors::0: references processor "trim" which is not configured: add it to processors',
    ),
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
    'a.yaml:3:24: service::extensions::0: references extension "status" which is not configured: add it to extensions',
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
    'a.yaml:4:72: service::pipelines::metrics::processors::1: references processor "trim" multiple times: leave one out',
  ],
  [
    'a problem beside another',
    pipelines('metrics: {receivers: [x], exporters: [show]}, logs: {receivers: 5}'),
    at(23, 'metrics::receivers::0: references receiver "x" which is not configured: add it to receivers'),
    at(47, 'logs::exporters: must have at least one exporter'),
    at(65, 'logs::receivers: wants a list, got 5'),
  ],
];

for (const [name, text, ...expected] of wholeProblems)
  test(`an invalid configuration is reported at its position: ${name}`, () => {
    assert.deepEqual(problemsOf(text), expected);
  });

test('a number that is none is shown as it is written', () => {
  for (const written of ['.inf', '-.inf', '.nan'])
    assert.deepEqual(problemsOf(withProbe(`{depth: ${written}}`)), [
      `a.yaml:2:18: receivers::probe::depth: wants a whole number, got ${written}`,
    ]);
});

test('a connector among the processors is sent to its place', () => {
  const text = `receivers: {probe: {}}
processors: {relay: {}}
connectors: {relay/b: {}}
exporters: {show: {}}
service: {pipelines: {metrics: {receivers: [probe], processors: [relay/b], exporters: [show]}}}
`;
  assert.deepEqual(problemsOf(text), [
    'a.yaml:2:14: processors::relay: unknown type: "relay" for id: "relay": it stands in connectors, not in processors',
    'a.yaml:5:66: service::pipelines::metrics::processors::0: "relay/b" is a connector: name it in the exporters of one pipeline and the receivers of another',
  ]);
});
