import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeGates } from '../../../src/cli/featuregate.ts';
import { sentenceOf } from '../../../src/config/config-error.ts';
import { type Gate, gates, isOnByDefault, readGates } from '../../../src/config/gates.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { problemsOf } from './load-fixture.ts';
import { loadTexts, sampleComponents, withProbe } from './sample-components.ts';

const some: readonly Gate[] = [
  { id: 'a.alpha', stage: 'alpha', description: 'A.', since: 'v1' },
  { id: 'a.beta', stage: 'beta', description: 'B.', since: 'v1' },
  { id: 'a.deprecated', stage: 'deprecated', description: 'C.', since: 'v1', until: 'v3' },
  { id: 'a.stable', stage: 'stable', description: 'D.', since: 'v1', until: 'v2' },
];

function read(...lists: readonly string[]) {
  const { enabled, problems, warnings } = readGates(lists, some);
  return { enabled: [...enabled], said: [...problems, ...warnings].map(sentenceOf) };
}

test('beta and stable gates are on by default, and the last mention of a gate counts', () => {
  assert.deepEqual(read().enabled, ['a.beta', 'a.stable']);
  assert.deepEqual(read('a.alpha,-a.beta').enabled, ['a.stable', 'a.alpha']);
  assert.deepEqual(read('+a.alpha,-a.alpha', 'a.alpha').enabled, ['a.beta', 'a.stable', 'a.alpha']);
  assert.deepEqual(read('', ',').said, []);
});

test('a stable gate cannot be disabled, a deprecated one not be enabled; the other way is a warning', () => {
  assert.deepEqual(read('-a.stable,a.deprecated').said, [
    '--feature-gates:1:1: feature gate "a.stable" is stable, can not be disabled: leave it out',
    '--feature-gates:1:11: feature gate "a.deprecated" is deprecated, can not be enabled: leave it out',
  ]);
  assert.deepEqual(read('a.stable,-a.deprecated'), {
    enabled: ['a.beta', 'a.stable'],
    said: [
      '--feature-gates:1:1: feature gate "a.stable" is stable and enabled anyway: leave it out, from v2 on it is an error',
      '--feature-gates:1:10: feature gate "a.deprecated" is deprecated and disabled anyway: leave it out, from v3 on it is an error',
    ],
  });
});

test('an unknown gate is a problem with the nearest, or all that there are', () => {
  assert.deepEqual(read('a.bete,-else').said, [
    '--feature-gates:1:1: no such feature gate "a.bete" (did you mean "a.beta"?)',
    '--feature-gates:1:8: no such feature gate "else"; valid gates: a.alpha, a.beta, a.deprecated, a.stable',
  ]);
});

test('gates are listed by id, and a gate that will be removed says when', () => {
  const ids = gates.map(({ id }) => id);
  assert.deepEqual(ids, ids.toSorted());
  for (const gate of gates)
    assert.equal(gate.until !== undefined, gate.stage === 'stable' || gate.stage === 'deprecated');
});

test('the table of gates, and one gate, are in the form of the Collector', () => {
  assert.equal(
    describeGates(some),
    `ID            Enabled  Stage       Description
a.alpha       false    Alpha       A.
a.beta        true     Beta        B.
a.deprecated  false    Deprecated  C.
a.stable      true     Stable      D.
`,
  );
  assert.equal(
    describeGates(some, 'a.stable'),
    'Feature: a.stable\nEnabled: true\nStage: Stable\nDescription: D.\nFrom Version: v1\nTo Version: v2\n',
  );
});

const base = withProbe('{include: [x]}').replace(
  'service: {',
  'extensions: {status: }\nservice: {extensions: [status], ',
);
const over = `receivers: {probe: {include: [y]}, probe/b: }
processors: {trim: }
extensions: {status/b: }
service: {extensions: [status/b, status], pipelines: {metrics: {receivers: [probe, probe/b], processors: [trim]}}}
`;

test('lists are replaced where files are merged, and appended to with confmap.enableMergeAppendOption', () => {
  const merged = (...featureGates: readonly string[]) => {
    const { started, pipelines, receivers } = loadTexts([base, over], { featureGates });
    const [{ receivers: received, processors } = assert.fail()] = pipelines;
    return { started, received, processors, include: receivers.get('probe')?.config.include };
  };
  assert.deepEqual(merged(), {
    started: ['status/b', 'status'],
    received: ['probe', 'probe/b'],
    processors: ['trim'],
    include: ['y'],
  });
  assert.deepEqual(merged('confmap.enableMergeAppendOption'), {
    started: ['status', 'status/b'],
    received: ['probe', 'probe/b'],
    processors: ['trim'],
    include: ['y'],
  });
});

test('what is appended keeps its own position in messages', () => {
  const texts = [base, 'service: {extensions: [statsu]}\n'];
  assert.deepEqual(problemsOf(texts, { featureGates: ['confmap.enableMergeAppendOption'] }), [
    'b.yaml:1:24: service::extensions::1: references extension "statsu" which is not configured (did you mean "status"?)',
  ]);
});

test('a configuration without pipelines is right with service.AllowNoPipelines alone', () => {
  const text = 'extensions: {status: }\nservice: {extensions: [status]}\n';
  assert.match(problemsOf(text).join('\n'), /at least one pipeline/);
  const featureGates = ['service.AllowNoPipelines'];
  const { pipelines, started } = loadTexts([text], { featureGates });
  assert.deepEqual({ pipelines, started }, { pipelines: [], started: ['status'] });
  assert.deepEqual(loadTexts(['receivers:\n'], { featureGates }).pipelines, []);
  assert.equal(loadTexts([withProbe('')], { featureGates }).pipelines.length, 1);
  assert.match(problemsOf(text).join('\n'), /at least one pipeline/, 'schemas are not mixed up');
});

test('pipelines of profiles are refused without service.profilesSupport', () => {
  const profiles = sampleComponents.map((component) =>
    component.kind === 'receiver' || component.kind === 'exporter'
      ? { ...component, stability: { profiles: 'development' } as const }
      : component,
  );
  const text = withProbe('').replace('metrics:', 'profiles:');
  const load = (...featureGates: readonly string[]) =>
    loadConfig(
      { files: ['a.yaml'], sets: [], featureGates, environment: {}, readFile: () => text },
      profiles,
    );
  assert.equal(load().pipelines.length, 1);
  assert.throws(() => load('-service.profilesSupport'), {
    message:
      /^a\.yaml:4:23: service::pipelines::profiles: profiling signal support is gated under the "service\.profilesSupport" feature gate, which --feature-gates disables: leave it out there\n/,
  });
});

test('beta gates are those that are on', () => {
  assert.deepEqual(
    gates.filter(isOnByDefault).map(({ id }) => id),
    ['service.profilesSupport'],
  );
});
