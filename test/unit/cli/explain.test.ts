import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type ExplainOptions, explain } from '../../../src/cli/explain/explain.ts';
import { renderAnswer, renderRefusal } from '../../../src/cli/explain/text.ts';
import type { Answer, Reply } from '../../../src/explanations/answer.ts';
import { hostileNames, steers } from '../hostile-names.ts';
import { earshot, file, folder, good } from './earshot.ts';

const recording = fileURLToPath(new URL('../../../config/recording.jsonl.gz', import.meta.url));
/** The command without a process of its own, as one without a terminal. */
const explained = (workload: string, options: Partial<ExplainOptions>) =>
  explain(workload, { config: [], set: [], featureGates: [], ...options }, { width: 100, colour: false });

const answer: Answer = {
  workload: { name: 'shop/checkout-7f9/web', owner: 'Deployment checkout', cgroup: '/kubepods/a' },
  period: {
    ...{ from: '2026-01-31T12:00:00.000Z', to: '2026-01-31T12:00:30.000Z', seconds: 30, windows: 6 },
    ...{ since: 3600, heldFrom: '2026-01-31T12:00:00.000Z' },
  },
  sentence: 'checkout waited 50 % of its runnable time.',
  wait: {
    ...{ seconds: 4, share: 0.5, count: 100, p99: 0.041, trend: 'rising' },
    baseline: { p99: 0.0002, spread: 0.0001, source: 'recent' },
  },
  run: 4,
  causes: [
    { cause: 'neighbor', seconds: 3, share: 0.75 },
    { cause: 'idle', seconds: 1, share: 0.25 },
  ],
  verdicts: [{ verdict: 'noisy_neighbor', seconds: 3, share: 0.75, score: 60, confidence: 0.9 }],
  culprits: [{ name: 'batch/etl', cause: 'neighbor', seconds: 3, share: 0.75, excess: 0.375 }],
  confidence: {
    value: 0.9,
    loweredBy: [{ doubt: 'samples', meaning: 'few waits in the window', factor: 0.9 }],
  },
  advice: 'Without batch/etl up to 75 % of the wait would not have been.',
  affected: {
    windows: 5,
    worst: {
      ...{
        at: '2026-01-31T12:00:20.000Z',
        seconds: 5,
        share: 0.8,
        verdict: 'noisy_neighbor',
        culprit: 'batch/etl',
      },
    },
  },
  findings: [
    { id: '1', severity: 'WARN', since: '2026-01-31T12:00:10.000Z', verdict: 'noisy_neighbor', victims: 3 },
  ],
};

test('an answer is the sentence with its evidence', () => {
  const text = renderAnswer(answer, { width: 72, colour: false }).replace(/\d\d:\d\d:(\d\d)/g, '..:..:$1');
  assert.equal(
    text,
    `checkout waited 50 % of its runnable time.

WORKLOAD    shop/checkout-7f9/web (Deployment checkout, /kubepods/a)
PERIOD      ..:..:00 to ..:..:30: 6 windows, 30 s; 60 min were asked
            for, held are windows since ..:..:00
CAUSES      ${'N'.repeat(45)}${'·'.repeat(15)}
            N neighbor   · idle
             75 %    3.0 s  neighbor
             25 %    1.0 s  idle
            100 %    4.0 s  all, 50 % of its runnable time
CULPRITS     75 %    3.0 s  batch/etl (neighbor, 50 % of it beyond its share)
P99 WAIT    41 ms in the worst window, usually 200 µs (this hour and the
            one before); the time that it waits is rising
WORST       ..:..:20: lost 80 % of its runnable time in 5.0 s to
            noisy_neighbor, behind batch/etl; 5 of 6 windows have a
            verdict
FINDINGS    WARN noisy_neighbor, since ..:..:10; its culprit has 3 victims
CONFIDENCE  0.90 for noisy_neighbor, 75 % of the wait
            × 0.90  few waits in the window
ADVICE      Without batch/etl up to 75 % of the wait would not have
            been.
`,
  );
});

test('a finding older than a day has a date, of a recording too the period says what was asked for', () => {
  const [finding] = answer.findings;
  assert.ok(finding);
  const since = new Date(2026, 0, 2, 12, 0, 10).toISOString();
  const text = renderAnswer(
    { ...answer, recording: 'a day', findings: [finding, { ...finding, since }] },
    { width: 200, colour: false },
  );
  assert.match(text, /FINDINGS {4}WARN noisy_neighbor, since \d\d:\d\d:10;/);
  assert.match(text, /^ +WARN noisy_neighbor, since 2026-01-02 12:00:10;/m);
  assert.match(text, /^PERIOD .*; 60 min were asked for/m);
});

test('no name in an answer steers the terminal or makes a line', () => {
  const named = (name: string): Answer => ({
    ...{
      ...answer,
      sentence: name,
      advice: name,
      recording: name,
      workload: { name, owner: name, cgroup: name },
    },
    culprits: answer.culprits.map((culprit) => ({ ...culprit, name })),
    affected: { windows: 1, worst: { at: '', seconds: 1, share: 1, verdict: name, culprit: name } },
    findings: answer.findings.map((finding) => ({ ...finding, severity: name, verdict: name })),
  });
  const refusals = (name: string): Exclude<Reply, { kind: 'answer' }>[] => [
    { kind: 'ambiguous', candidates: [{ name, owner: name, waitShare: 0 }] },
    { kind: 'unknown', near: [name], isAlike: true, workloads: 1 },
  ];
  for (const [what, name] of Object.entries(hostileNames)) {
    assert.doesNotMatch(renderAnswer(named(name), { width: 80, colour: false }), steers, what);
    for (const refusal of refusals(name)) {
      const text = renderRefusal(refusal, name);
      assert.doesNotMatch(text, steers, what);
      assert.equal(
        text.split('\n').length,
        renderRefusal(refusals('a').find(({ kind }) => kind === refusal.kind) ?? refusal, 'a').split('\n')
          .length,
      );
    }
  }
});

test('a recording is explained whole, at once, by a part of a name', () => {
  const { status, stdout, stderr } = earshot('explain', 'checko', '--recording', recording);
  assert.deepEqual([status, stderr], [0, '']);
  assert.match(
    stdout,
    /^checkout waited \d+ % of its runnable time in the last 30 s; \d+ % of that behind video-encode\n/,
  );
  assert.match(stdout, /^RECORDING {3}five containers/m);
  assert.match(stdout, /^PERIOD {6}00:00:00 to 00:00:(29|30): 6 windows, 30 s$/m);
  assert.match(stdout, /^CULPRITS .* video-encode \(neighbor/m);
  assert.match(stdout, /^ADVICE {6}video-encode had the CPU for /m);
});

test('--since limits the time of a recording, and --json prints the same figures', async () => {
  const { code, stdout } = await explained('checkout', { recording, since: '10s', json: true });
  assert.equal(code, 0);
  const of: Answer = JSON.parse(stdout);
  assert.deepEqual([of.workload.name, of.period.windows], ['checkout', 2]);
  assert.ok(Math.abs(of.period.seconds - 10) < 0.05, `two intervals of 5 s, not ${of.period.seconds}`);
  const sum = of.causes.reduce((total, { seconds }) => total + seconds, 0);
  assert.ok(Math.abs(sum - of.wait.seconds) < 1e-9);
});

test('a name that none has, or that several have, ends with 1 and the names to choose from', async () => {
  const none = await explained('chekout', { recording });
  assert.deepEqual([none.code, none.stdout], [1, '']);
  assert.match(
    none.stderr,
    /^Error: no workload is called chekout\. Names that look like it:\n {2}checkout$/,
  );
  const several = await explained('default', { recording });
  assert.deepEqual([several.code, several.stdout], [1, '']);
  assert.match(several.stderr, /^Error: default means \d+ workloads/);
  const json = await explained('chekout', { recording, json: true });
  assert.deepEqual([json.code, json.stderr], [1, '']);
  assert.equal(JSON.parse(json.stdout).kind, 'unknown');
});

test('mistakes end with 1 and one line that says what to do', async () => {
  const mistakes: readonly (readonly [workload: string, Partial<ExplainOptions>, message: RegExp])[] = [
    [
      'web',
      { socket: join(folder, 'none.sock') },
      /^Error: cannot ask the agent at .*none\.sock: no agent listens there\. Start one/,
    ],
    ['web', { config: [good] }, /^Error: cannot ask the agent: its configuration has no extension admin/],
    ['web', { since: 'often', recording }, /--since is a duration like 30s/],
    ['web', { since: '0', recording }, /--since is a duration like 30s/],
    ['', { recording }, /^Error: cannot explain a workload without a name$/],
    ['web', { recording: join(folder, 'none.gz') }, /^Error: cannot replay .*none\.gz: ENOENT/],
    [
      'web',
      { recording: file('plain.txt', 'no gzip') },
      /^Error: cannot replay .*plain\.txt: incorrect header check$/,
    ],
    ['\x1b[2Jweb', { recording }, /no workload is called \\u\{1b\}\[2Jweb\./],
  ];
  for (const [workload, options, message] of mistakes) {
    const { code, stdout, stderr } = await explained(workload, options);
    assert.deepEqual([code, stdout], [1, ''], String(message));
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n {4}at /, 'no stack');
  }
});

test('without a workload, or without an agent, the process ends with 1 and nothing on standard output', () => {
  for (const [args, message] of [
    [[], /^Error: missing required argument 'workload'\n$/],
    [['web', '--socket', join(folder, 'none.sock')], /^Error: cannot ask the agent at .*\n$/],
  ] as const) {
    const { status, stdout, stderr } = earshot('explain', ...args);
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, message);
  }
});

async function serve(t: TestContext, name: string, listener: RequestListener): Promise<string> {
  const path = join(folder, name);
  const server = createServer(listener).listen(path);
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => server.close());
  return path;
}

test('the socket that the configuration names is asked, for the name as it is written', async (t) => {
  let asked = '';
  const path = await serve(t, 'admin.sock', ({ url = '' }, response) => {
    asked = url;
    response.end(JSON.stringify({ kind: 'answer', answer } satisfies Reply));
  });
  const config = file(
    'admin.yaml',
    `receivers: {agent: }
exporters: {debug: }
extensions: {admin/mine: {endpoint: "unix://${path}"}}
service: {extensions: [admin/mine], pipelines: {metrics: {receivers: [agent], exporters: [debug]}}}
`,
  );
  const { code, stdout } = await explained('shop/web 1&since=9h', { config: [config], since: '90s' });
  assert.equal(code, 0);
  assert.match(stdout, /^checkout waited 50 %/);
  const { searchParams } = new URL(asked, 'http://localhost');
  assert.deepEqual(
    [...searchParams],
    [
      ['workload', 'shop/web 1&since=9h'],
      ['since', '1m30s'],
    ],
  );
});

test('a socket of another program is no agent', async (t) => {
  const answers: Readonly<Record<string, RequestListener>> = {
    status: (_, response) => response.writeHead(404).end(),
    text: (_, response) => response.end('hello'),
    json: (_, response) => response.end('{"kind": "of its own"}'),
    nothing: (_, response) => response.destroy(),
  };
  for (const [name, listener] of Object.entries(answers)) {
    const path = await serve(t, `${name}.sock`, listener);
    const { code, stderr } = await explained('web', { socket: path });
    assert.equal(code, 1, name);
    assert.match(stderr, /^Error: cannot ask the agent at .*: .*$/, name);
  }
});
