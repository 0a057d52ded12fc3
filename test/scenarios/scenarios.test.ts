import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Expected, scenarios } from './scenarios.ts';
import { type Reported, Stage } from './stage.ts';

/** Loads whose effect is known, on the real kernel: every culprit is the right one, and nothing is found where nothing is. */

let stage: Stage;
before(async () => {
  stage = await Stage.open();
});
after(async () => {
  await stage?.close();
});

const briefOf = ({ victim, verdict, culprit }: Expected) =>
  `${victim.path} ${verdict} ${culprit?.path ?? '-'}`;
const brief = ({ victim, verdict, culprit }: Reported) => `${victim} ${verdict} ${culprit ?? '-'}`;

for (const { name, play } of scenarios)
  test(name, async (t) => {
    try {
      const { found, tolerated = [], ended = [] } = await play(stage);
      const reported = stage.take();
      for (const { state, body } of reported) t.diagnostic(`${state}: ${body}`);
      // what this machine does beside is no part of the scenario
      const own = reported.filter(
        ({ victim, culprit }) => victim.startsWith(`/earshot-test-${process.pid}-`) && culprit !== '/',
      );
      const begun = own.filter(({ state }) => state === 'begin').map(brief);
      for (const expected of found)
        assert.ok(
          begun.includes(briefOf(expected)),
          `${briefOf(expected)} is not among ${JSON.stringify(begun)}`,
        );
      const allowed = [...found, ...tolerated].map(briefOf);
      assert.deepEqual(
        begun.filter((finding) => !allowed.includes(finding)),
        [],
        'and nothing else',
      );
      const ends = own.filter(({ state }) => state === 'end').map(brief);
      assert.deepEqual(
        ended.map(briefOf).filter((finding, _index, all) => count(ends, finding) < count(all, finding)),
        [],
        'all of them have ended',
      );
    } finally {
      await stage.clear();
    }
  });

const count = <T>(all: readonly T[], one: T) => all.filter((each) => each === one).length;
