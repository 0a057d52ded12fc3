import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Course, judge } from '../../scenarios/judge.ts';
import type { Label, Reported } from '../../scenarios/scenario.ts';
import { answerOf, confusionMatrix } from '../../scenarios/summary.ts';

const victim = { path: '/victim' };
const hog = { path: '/hog' };
const label: Label = { found: [{ victim, verdict: 'noisy_neighbor', culprit: hog }] };

const finding = (of: Partial<Reported> = {}): Reported => ({
  ...{ state: 'begin', time: 3n, victim: '/victim', culprit: '/hog', verdict: 'noisy_neighbor' },
  ...{ share: 0.9, others: [], trend: undefined, body: '' },
  ...of,
});

/** A window ends at each of the times 1 to 9; the load begins in the one that ends at 2. */
const course = (...reported: readonly Reported[]): Course => ({
  reported,
  windows: [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n],
  onsetOf: () => 2n,
});

const problemsOf = (of: Label, ...reported: readonly Reported[]) => judge(of, course(...reported)).problems;

test('a finding as labelled is right, with the windows from its onset', () => {
  const { rows, namedRight, namedWrong, problems } = judge(label, course(finding({ time: 4n })));
  assert.deepEqual(problems, []);
  assert.deepEqual(
    [rows[0]?.reported, rows[0]?.reportedCulprit, rows[0]?.windows],
    ['noisy_neighbor', '/hog', 2],
  );
  assert.deepEqual([namedRight, namedWrong], [1, 0]);
});

test('a finding that is missing, late, or about another culprit is a problem', () => {
  assert.deepEqual(problemsOf(label), ['not found: /victim noisy_neighbor /hog']);
  assert.deepEqual(problemsOf(label, finding({ time: 5n })), ['3 windows until /victim noisy_neighbor /hog']);
  assert.deepEqual(problemsOf(label, finding({ culprit: '/other' })), [
    'not found: /victim noisy_neighbor /hog',
    'not expected: /victim noisy_neighbor /other',
  ]);
});

test('a verdict that explains more than the labelled one is a problem', () => {
  const others = [{ verdict: 'self_contention', share: 0.6 }];
  assert.deepEqual(problemsOf(label, finding({ share: 0.4, others })), [
    'self_contention is said to be more than /victim noisy_neighbor /hog',
  ]);
});

test('a finding where none belongs is a problem, unless it is tolerated', () => {
  const quiet: Label = { found: [], quiet: [victim] };
  assert.deepEqual(problemsOf(quiet), []);
  assert.deepEqual(problemsOf(quiet, finding()), ['not expected: /victim noisy_neighbor /hog']);
  assert.deepEqual(problemsOf({ ...quiet, tolerated: label.found }, finding()), []);
});

test('a finding that has to end once for each time it begins', () => {
  const ended = [...label.found, ...label.found];
  const once = [finding(), finding({ state: 'end', time: 4n })];
  assert.deepEqual(problemsOf({ ...label, ended }, ...once), ['has not ended: /victim noisy_neighbor /hog']);
  assert.deepEqual(problemsOf({ ...label, ended }, ...once, ...once), []);
});

test('a trend that is labelled must be that of the finding at its end', () => {
  const rising: Label = { found: [{ victim, verdict: 'noisy_neighbor', culprit: hog, trend: 'rising' }] };
  const ended = (trend: string | undefined) => [
    finding({ trend: 'rising' }),
    finding({ state: 'end', trend }),
  ];
  const said = 'at its end, not rising, of /victim noisy_neighbor /hog';
  assert.deepEqual(problemsOf(rising, finding({ trend: 'rising' })), [`no trend ${said}`]);
  assert.deepEqual(problemsOf(rising, ...ended('steady')), [`steady trend ${said}`]);
  assert.deepEqual(problemsOf(rising, ...ended('rising')), []);
});

test('the confusion matrix counts labels by what was found', () => {
  const rows = [judge(label, course(finding())), judge(label, course())].flatMap((of) => of.rows);
  assert.deepEqual(confusionMatrix(rows), [
    '| label \\ found | noisy_neighbor | none |',
    '| --- | ---: | ---: |',
    '| noisy_neighbor | 1 | 1 |',
  ]);
});

test('a rule is right about what had the CPU, silent where it names none, wrong where there is no culprit', () => {
  const [named] = judge(label, course(finding())).rows;
  const [none] = judge({ found: [], quiet: [victim] }, course()).rows;
  assert.ok(named && none);
  assert.deepEqual(
    [answerOf(named, '/hog'), answerOf(named, '/daemon'), answerOf(named, 'itself'), answerOf(none, '/hog')],
    ['right', 'wrong', 'silent', 'wrong'],
  );
  assert.equal(answerOf(none, 'itself'), 'right');
});
