import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from '../../../src/config/config-error.ts';
import { type Options, probeConfig, problemsOf } from './load-fixture.ts';
import { loadTexts, withProbe } from './sample-components.ts';

const sending = (body: string) =>
  `receivers: {probe: }\nexporters: {send: ${body}}\nservice: {pipelines: {metrics: {receivers: [probe], exporters: [send]}}}`;

const sendingBlock = (body: string) =>
  `receivers: {probe: }
exporters:
  send:
    endpoint: e
${body}
service: {pipelines: {metrics: {receivers: [probe], exporters: [send]}}}
`;

/** Configurations with a mistake near the secret hunter2, each by what is wrong. */
const revealing: Readonly<Record<string, readonly [texts: string | readonly string[], options?: Options]>> = {
  'a number from the environment': [withProbe('{depth: "${env:S}"}'), { environment: { S: 'hunter2' } }],
  'a duration from the environment': [withProbe('{interval: "${env:S}"}'), { environment: { S: 'hunter2' } }],
  'a choice from the environment': [withProbe('{mode: "${env:S}"}'), { environment: { S: 'hunter2' } }],
  'a value inside the environment': [
    withProbe('"${env:CONF}"'),
    { environment: { CONF: '{depth: 1, interval: hunter2}' } },
  ],
  'an item inside the environment': [
    withProbe('"${env:CONF}"'),
    { environment: { CONF: '{limits: {count: [hunter2], age: hunter2}}' } },
  ],
  'a key inside the environment': [withProbe('"${env:CONF}"'), { environment: { CONF: '{hunter2: 1}' } }],
  'an unknown key beside': [sending('{endpoint: e, headers: {x-scope: hunter2}, nope: 1}')],
  'a list as a value': [sending('{endpoint: e, headers: {x-scope: [hunter2]}}')],
  'an open quote': [sending('{endpoint: e, headers: {authorization: "hunter2}}')],
  'a text for all headers': [sending('{endpoint: e, headers: "x-honeycomb-team=hunter2"}')],
  'a list of texts': [sending('{endpoint: e, headers: [x-team=hunter2]}')],
  'a list of maps': [sending('{endpoint: e, headers: [{name: x-team, value: hunter2}]}')],
  'a list of maps, in lines': [sendingBlock('    headers:\n    - name: x-team\n      value: hunter2')],
  'a key that is key and value': [sending('{endpoint: e, headers: {x-team=hunter2: 5}}')],
  'a missing space': [sending('{endpoint: e, headers:x-team=hunter2}')],
  'a missing space, in a line': [sendingBlock('    headers:x-team=hunter2').replace('    endpoint: e\n', '')],
  'a missing space, in lines': [sendingBlock('    headers:x-team=hunter2')],
  'a misspelt key': [sending('{endpoint: e, headrs: {x-team: hunter2}}')],
  'a header beside headers': [sendingBlock('    headers:\n    x-team: hunter2')],
  'a duplicate header': [sendingBlock('    headers:\n      x-team: a\n      x-team: hunter2')],
  'a duplicate of the secret': [sending('{endpoint: e, headers: {x=hunter2: 1, x=hunter2: 2}}')],
  'duplicate headers': [sending('{endpoint: e, headers: {x-team: a}, headers: {x-team: hunter2}}')],
  'a number that is no number': [sendingBlock('    headers:\n      x-team: 0755hunter2: x')],
  'an open quote in lines': [sendingBlock('    headers:\n      x-team: "hunter2\n      x-more: a')],
  'an open quote beside headers': [sendingBlock('    headers:\n    x-team: "hunter2\n')],
  'an alias': [sendingBlock('    headers:\n      x-team: *hunter2')],
  'an anchor elsewhere': [
    sending('{endpoint: e, headers: {x-team: *key}}').replace(
      'probe: ',
      'probe: {label: &key hunter2, depth: 0}',
    ),
  ],
  'a tag': [sendingBlock('    headers:\n      x-team: !hunter2 x')],
  'an expansion': [sendingBlock('    headers:\n      x-team: "${hunter2:x}"')],
  'JSON that ends early': ['{"exporters": {"send": {"headers": {\n"x-team": "hunter2"\n"y": "z"}}}}'],
  'what another file replaces': [
    [
      sending('{endpoint: e, headers: {x-team: hunter2}, nope: 1}'),
      'exporters: {send: {headers: {x-team: a}}}',
    ],
  ],
  '--set of a text for all': [
    sending('{endpoint: e}'),
    { sets: ['exporters::send::headers=x-team=hunter2'] },
  ],
  '--set of a list': [sending('{endpoint: e}'), { sets: ['exporters::send::headers::x-team=[hunter2]'] }],
  '--set that is not YAML': [sending('{endpoint: e}'), { sets: ['exporters.send.headers.x-team="hunter2'] }],
  '--set without =': [sending('{endpoint: e}'), { sets: ['exporters.send.headers.x-team:hunter2'] }],
  '--set of a misspelt key': [sending('{endpoint: e}'), { sets: ['exporters.send.headrs.x-team=hunter2'] }],
  '--set of the whole': [sending('{endpoint: e}'), { sets: ['exporters.send=headers=hunter2'] }],
};

for (const [name, [texts, options]] of Object.entries(revealing))
  test(`no error shows a secret: ${name}`, () => {
    assert.throws(
      () => loadTexts([texts].flat(), options),
      (error) => error instanceof ConfigError && !error.message.includes('hunter2'),
    );
  });

test('an ambiguous number is not quoted where it is a secret', () => {
  const [problem] = problemsOf(sending('{endpoint: e, headers: {x-team: 0755123}}'));
  assert.equal(problem, 'a.yaml:2:51: number in doubt: put it in quotes');
});

test('lines without secrets are shown even where headers are near', () => {
  const text = sendingBlock('    headers:\n      x-team: hunter2').replace('endpoint: e', 'endpoint: 5');
  assert.throws(() => loadTexts([text]), /\n {2}4 \| {5}endpoint: 5\n/);
});

test('each text inside a value from the environment stays verbatim where the schema wants a string', () => {
  const environment = { CONF: '{label: 0123, depth: 4, include: ["1", 0x10, a]}' };
  const config = probeConfig('"${env:CONF}"', { environment });
  assert.deepEqual([config?.label, config?.depth, config?.include], ['0123', 4, ['1', '0x10', 'a']]);
});

test('problems of a component are reported with their positions, beside those of the schema', () => {
  const text = sending('{endpoint: nowhere}').replace('probe: ', 'probe: {depth: 0}');
  assert.deepEqual(problemsOf(text), [
    'a.yaml:1:28: receivers::probe::depth: must be >= 1, got 0',
    'a.yaml:2:20: exporters::send::endpoint: leads nowhere',
  ]);
  assert.deepEqual(problemsOf(sending('{endpoint: nowhere, headers: 5}')), [
    'a.yaml:2:48: exporters::send::headers: wants keys and values, got a value that is secret',
  ]);
});

test('the name of an invalid variable is shown', () => {
  const text = sending('"${env:CONF}"');
  assert.throws(
    () => loadTexts([text], { environment: { CONF: '{hunter2: 1}' } }),
    (error: Error) => {
      assert.ok(error.message.includes('exporters: {send: "${env:CONF}"}'), error.message);
      return !error.message.includes('hunter2');
    },
  );
});

for (const endpoint of [
  'https://user:hunter2@example.com:4317',
  'https://user:hun/hunter2@example.com:4317',
  'https://user:a@hunter2@example.com:4317',
  'hunter2@h:1',
  'user:hunter2@h',
])
  test(`no line that is shown has the credentials of ${endpoint}`, () => {
    for (const text of [
      sending(`{endpoint: "${endpoint}", nope: 1}`),
      sending(`{endpoint: [${endpoint}]}`),
      sending(`{endpoint: e, nope: {endpoint: '${endpoint}', b: c@d}}`),
      withProbe(`{mode: "${endpoint}"}`),
      withProbe(`{interval: ${endpoint}}`),
    ])
      assert.throws(
        () => loadTexts([text]),
        (error) => error instanceof ConfigError && !error.message.includes('hunter2'),
      );
    const sets = [`exporters::send::nope=${endpoint}`];
    assert.throws(
      () => loadTexts([sending('{endpoint: e}')], { sets }),
      (error: Error) =>
        error.message.includes('exporters::send::nope=') && !error.message.includes('hunter2'),
    );
  });

test('what is masked before an `@` keeps the caret at its place', () => {
  assert.throws(
    () => loadTexts([withProbe('{label: "https://u:p@h", depth: 0}')]),
    /\| {3}probe: \{label: "https:\/\/\*\*\*@h", depth: 0\}\n {4}\| {42}\^\n?$/,
  );
});
