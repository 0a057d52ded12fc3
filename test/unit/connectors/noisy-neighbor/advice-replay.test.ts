import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { findingAttributes } from '../../../../src/telemetry/attributes/finding.ts';
import { usualOr } from '../../../lab/thorough.ts';
import { connector } from './connector.ts';
import { type Done, type Load, miniature } from './miniature.ts';
import { quota } from './quota-batch.ts';
import { windowSeconds } from './windows.ts';

/** Advice on windows of a machine in miniature, taken, and the same work replayed. */

const runs = { numRuns: usualOr(20, 100) };
const busy = { every: 1, work: 1 };
const thread = fc
  .tuple(fc.integer({ min: 5, max: 60 }), fc.double({ min: 0.1, max: 0.9, noNaN: true }))
  .map(([every, part]) => ({ every, work: Math.ceil(part * every) }));
const threads = (maxLength: number) =>
  fc.array(fc.oneof({ arbitrary: thread, weight: 3 }, fc.constant(busy)), { minLength: 1, maxLength });
const mostlyOne = fc.oneof({ arbitrary: threads(1), weight: 5 }, threads(3));
const weight = fc.constantFrom(0.25, 0.5, 1, 2, 4);
const others = (maxLength: number) =>
  fc
    .array(fc.record({ threads: mostlyOne, weight }), { minLength: 1, maxLength })
    .map((all) => Object.fromEntries(all.map((load, n) => [`other-${n}`, load])));

type Doings = Readonly<Record<string, Done>>;

const waitOf = (done: Done | undefined, ...causes: readonly string[]) =>
  Object.entries(done?.waits ?? {}).reduce(
    (sum, [cause, time]) => sum + (causes.length === 0 || causes.includes(cause) ? (time ?? 0) : 0),
    0,
  );

/** The part of a wait that is gone. */
const removed = (before: Doings, after: Doings, ...causes: readonly string[]) =>
  1 - waitOf(after.web, ...causes) / waitOf(before.web, ...causes);

/** On the web of two equal windows, by verdict. */
async function adviceOn(t: TestContext, done: Doings, limit?: number): Promise<ReadonlyMap<string, string>> {
  const { windows, give } = await connector(t);
  if (limit !== undefined) give(quota('web', limit, done.web?.throttledPeriods ?? 0));
  return new Map(
    windows(done, 2)
      .filter(({ resource }) => resource.attributes['earshot.workload.name'] === 'web')
      .map(({ attributes }) => [
        String(attributes[findingAttributes.verdict.key]),
        String(attributes[findingAttributes.advice.key] ?? ''),
      ]),
  );
}

/** The numbers in a text, as a pattern groups them; undefined: it has another form. */
const numbersIn = (text: string | undefined, pattern: RegExp) =>
  pattern
    .exec(text ?? '')
    ?.slice(1)
    .map(Number);

interface Replay {
  /** The replay of a window with advice. */
  readonly check: () => void;
}

/** Of windows with advice; it has failed where there are too few of them. */
const replayed = <T>(arbitrary: fc.Arbitrary<T>, replay: (of: T) => Promise<Replay | undefined>) =>
  fc.assert(
    fc.asyncProperty(arbitrary, async (of) => {
      const found = await replay(of);
      fc.pre(found !== undefined);
      found?.check();
    }),
    { ...runs, maxSkipsPerRun: 50 },
  );

const limitOf = (text: string | undefined) =>
  numbersIn(text, /to ([\d.]+) CPUs? would have removed at least about (\d+) %/);

async function limitReplay(t: TestContext, of: Load['threads'], limit: number) {
  const replay = (to: number) => miniature({ web: { threads: of, limit: to } }, of.length);
  const before = replay(limit);
  const advice = (await adviceOn(t, before, limit)).get('quota_throttled');
  const [to = Number.NaN, percent = Number.NaN] = limitOf(advice) ?? [];
  const gone = (at: number) => removed(before, replay(at), 'throttled');
  return advice ? { advice, to, promised: percent / 100, gone } : undefined;
}

test('the limit that is advised removes at least what is promised of the throttled time', async (t) => {
  const part = fc.double({ min: 0.3, max: 1.2, noNaN: true });
  await replayed(fc.tuple(threads(4), part), async ([of, part]) => {
    const demand = of.reduce((sum, { every, work }) => sum + work / every, 0);
    const found = await limitReplay(t, of, Math.max(0.1, Math.round(10 * part * demand) / 10));
    return (
      found && {
        check: () => assert.ok(found.gone(found.to) >= found.promised - 0.02, found.advice),
      }
    );
  });
});

test('where threads compute all the time, half of the advised raise removes little more than half', async (t) => {
  const limits = fc.integer({ min: 1, max: 30 }).map((tenths) => tenths / 10);
  await replayed(fc.tuple(fc.integer({ min: 1, max: 6 }), limits), async ([count, limit]) => {
    if (count - limit < 0.4) return undefined;
    const found = await limitReplay(t, new Array(count).fill(busy), limit);
    return (
      found && {
        check() {
          const { to, promised, gone, advice } = found;
          assert.ok(gone(to) >= promised - 0.02, `${gone(to)}: ${advice}`);
          const half = gone(limit + (to - limit) / 2);
          assert.ok(half < promised - 0.3, `half of it: ${half}: ${advice}`);
        },
      }
    );
  });
});

const withoutOther = (text: string | undefined) =>
  numbersIn(text, /^Anti-affinity with other-(\d) would have removed at least about (\d+) % of the wait/);

test('of a single thread with one culprit the part of the wait is gone, without it, in which it had the CPU', async (t) => {
  const verdicts = {
    neighbor: 'noisy_neighbor',
    sibling: 'sibling_contention',
    system: 'system_interference',
  };
  const causes = fc.constantFrom(...(Object.keys(verdicts) as (keyof typeof verdicts)[])); // its only keys
  await replayed(fc.tuple(thread, threads(3), causes), async ([own, of, cause]) => {
    const web: Load = { threads: [own] };
    const before = miniature({ web, etl: { threads: of, cause } }, 1);
    const advice = (await adviceOn(t, before)).get(verdicts[cause]);
    const [percent = Number.NaN, had] =
      numbersIn(advice, /etl.* at least about (\d+) % of the wait: etl had the CPU for (\d+) % of it$/) ?? [];
    if (!advice) return undefined;
    return {
      check() {
        const gone = removed(before, miniature({ web }, 1));
        assert.ok(Math.abs(gone - percent / 100) < 0.01, `${gone} was removed: ${advice}`);
        assert.equal(percent, had);
      },
    };
  });
});

test('without the main culprit among others at least the promised part of the wait is gone', async (t) => {
  const loads = fc.tuple(
    fc.record({ threads: mostlyOne, weight }),
    others(4),
    fc.integer({ min: 1, max: 2 }),
  );
  await replayed(loads, async ([web, rivals, cpus]) => {
    const before = miniature({ web, ...rivals }, cpus);
    const advice = (await adviceOn(t, before)).get('noisy_neighbor');
    const [other, percent = Number.NaN] = withoutOther(advice) ?? [];
    if (other === undefined) return undefined;
    return {
      check() {
        const { [`other-${other}`]: _, ...rest } = rivals;
        const gone = removed(before, miniature({ web, ...rest }, cpus));
        assert.ok(gone >= percent / 100 - tolerated, `${gone} was removed: ${advice}`);
      },
    };
  });
});

/** Of a wait: threads that want the CPU by turns are no fluid. */
const tolerated = 0.1;

test('of others that compute all the time one may take the place of the culprit', async (t) => {
  const busyWith = (of: number): Load => ({ threads: [busy], weight: of });
  await replayed(fc.tuple(weight, weight, weight), async ([own, first, second]) => {
    const web = busyWith(own);
    const loads: readonly Load[] = [busyWith(first), busyWith(second)];
    const before = miniature({ web, ...Object.fromEntries(loads.map((of, n) => [`other-${n}`, of])) }, 1);
    const advice = (await adviceOn(t, before)).get('noisy_neighbor');
    const [other, percent = Number.NaN] = withoutOther(advice) ?? [];
    if (other === undefined) return undefined;
    return {
      check() {
        const gone = removed(before, miniature({ web, left: loads[1 - other] ?? web }, 1));
        assert.ok(Math.abs(gone - percent / 100) < 0.02, `${gone} was removed: ${advice}`);
      },
    };
  });
});

/** The same window with neighbors that were within their share. */
const entitled = (done: Doings): Doings => ({
  ...done,
  ...(done.web && {
    web: {
      ...done.web,
      blame: (done.web.blame ?? []).map((part) => ({ ...part, excess: 0 })),
      entitled: { neighbor: waitOf(done.web, 'neighbor') },
    },
  }),
});

async function weightReplay(
  t: TestContext,
  {
    web,
    rivals,
    cpus,
  }: { readonly web: Load; readonly rivals: Readonly<Record<string, Load>>; readonly cpus: number },
) {
  const replay = (times: number) =>
    miniature({ web: { ...web, weight: times * (web.weight ?? 1) }, ...rivals }, cpus);
  const before = replay(1);
  const advice = (await adviceOn(t, entitled(before))).get('overcommitted');
  const [times = Number.NaN, percent = Number.NaN] =
    numbersIn(advice, /^([\d.]+) times its CPU weight would have removed at least about (\d+) %/) ?? [];
  const gone = (at: number) => removed(before, replay(at), 'neighbor');
  return advice ? { advice, times, promised: percent / 100, gone } : undefined;
}

test('the weight that is advised removes at least what is promised of the wait behind neighbors', async (t) => {
  const loads = fc.tuple(
    fc.record({ threads: mostlyOne, weight }),
    others(2),
    fc.integer({ min: 1, max: 2 }),
  );
  await replayed(loads, async ([web, rivals, cpus]) => {
    const found = await weightReplay(t, { web, rivals, cpus });
    return (
      found && {
        check() {
          const { times, promised, gone, advice } = found;
          assert.ok(gone(times) >= promised - tolerated, `${gone(times)} was removed: ${advice}`);
        },
      }
    );
  });
});

test('where all compute all the time, half of the advised raise of the weight does not remove half of the wait', async (t) => {
  const weights = fc.array(weight, { minLength: 1, maxLength: 3 });
  await replayed(fc.tuple(weight, weights), async ([own, all]) => {
    const busyWith = (of: number): Load => ({ threads: [busy], weight: of });
    const web = busyWith(own);
    const rivals = Object.fromEntries(all.map((of, n) => [`other-${n}`, busyWith(of)]));
    const found = await weightReplay(t, { web, rivals, cpus: 1 });
    return (
      found && {
        check() {
          const { times, promised, gone, advice } = found;
          assert.ok(Math.abs(gone(times) - promised) < 0.02, `${gone(times)} was removed: ${advice}`);
          const half = gone(1 + (times - 1) / 2);
          assert.ok(half < promised - tolerated, `half of it: ${half}: ${advice}`);
        },
      }
    );
  });
});

test('no more threads at a time than CPUs can do the same work in the same time, without the wait for one another', async (t) => {
  await replayed(fc.tuple(threads(6), fc.integer({ min: 1, max: 3 })), async ([of, cpus]) => {
    const replay = (atOnce: number) => miniature({ web: { threads: of, atOnce } }, cpus);
    const before = replay(of.length);
    const advice = (await adviceOn(t, before)).get('self_contention');
    const [percent = Number.NaN, could = Number.NaN, did = Number.NaN] =
      numbersIn(advice, /without (\d+) % of the wait: on average ([\d.]+) could run, and ([\d.]+) did$/) ??
      [];
    if (!advice) return undefined;
    return {
      check() {
        const after = replay(cpus);
        assert.ok(Math.abs(removed(before, after) - percent / 100) < 0.01, advice);
        assert.ok(removed(before, replay(cpus + 1)) < percent / 100, `one more thread: ${advice}`);
        assert.ok((after.web?.run ?? 0) >= (before.web?.run ?? 0) - 0.001, advice);
        assert.ok(Math.abs(did - (before.web?.run ?? 0) / windowSeconds) <= 0.051, advice);
        assert.ok(Math.abs(could - did - waitOf(before.web) / windowSeconds) <= 0.101, advice);
      },
    };
  });
});
