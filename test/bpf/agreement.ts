import assert from 'node:assert/strict';
import type { WaitRecord } from '../../src/receivers/scheduler/records.ts';
import { samplingQuantum } from '../../src/receivers/scheduler/source.ts';
import type { ExpectedWait } from './expected.ts';
import type { Played } from './play.ts';

/** A wait in progress is charged to the row beyond those of CPUs. */
const cpusAtMost = 4;
/** Of shares of stolen time, ns. */
const rounding = 16;
/** Of the shares of an epoch, ns. */
const ofShares = 64;
/** The threshold for small pieces is not far from a quantum. */
const mostUnbooked = 1.125 * samplingQuantum;
export const longWait = 1_000_000;

const sum = (numbers: Iterable<number>) => [...numbers].reduce((a, b) => a + b, 0);

/** Times by class are those expected: exactly, or within what is prorated. */
function assertClasses(
  found: Readonly<Record<string, number>>,
  expected: Pick<ExpectedWait, 'classes' | 'slack' | 'mayBeUnknown'>,
  whose: string,
): void {
  const { classes, mayBeUnknown } = expected;
  const slack = expected.slack && expected.slack + 16; // each share is prorated to whole ns
  const unnamed = mayBeUnknown ? Math.max(0, (found.unknown ?? 0) - classes.unknown) : 0;
  for (const [name, exact] of Object.entries(classes)) {
    const ns = found[name] ?? 0;
    const what = `${name} of ${whose}: ${ns}, expected ${exact} within ${slack} (${unnamed} unnamed)`;
    if (name !== 'unknown') assert.ok(ns - exact <= slack && exact - ns <= slack + unnamed, what);
    else if (!mayBeUnknown) assert.ok(Math.abs(ns - exact) <= slack, what);
  }
}

function assertCells({ totals, truth }: Played): void {
  for (const cell of totals.cells.keys())
    assert.ok(
      truth.cells.has(cell) || totals.cells.get(cell)?.wait === 0,
      `a wait of ${cell}, which had none`,
    );
  for (const [cell, expected] of truth.cells) {
    const found = totals.cells.get(cell);
    assert.equal(found?.wait ?? 0, expected.wait, `wait of ${cell}`);
    assert.equal(
      sum(Object.values(found?.classes ?? {})),
      expected.wait,
      `the classes of ${cell} sum to its wait`,
    );
    assertClasses(found?.classes ?? {}, expected, `${cell}`);
  }
}

export function assertPairs({ totals, truth }: Played): void {
  for (const [victim, cell] of totals.cells)
    for (const name of ['other', 'throttled'] as const) {
      const booked = sum(
        totals.pairs.entries().map(([key, pair]) => (key.startsWith(`${victim}<`) ? pair[name] : 0)),
      );
      if (name === 'other' && totals.drops.unnamed_shared)
        assert.ok(booked <= (cell.classes.other ?? 0), `${name} of ${victim}`);
      else if (name === 'other' || truth.cells.get(victim)?.slack === 0)
        assert.equal(booked, cell.classes[name] ?? 0, `${name} of ${victim}`);
    }
  for (const key of new Set([...totals.pairs.keys(), ...truth.pairs.keys()])) {
    const none = { other: 0, throttled: 0, preemptions: 0 };
    const found = totals.pairs.get(key) ?? none;
    const expected = truth.pairs.get(key) ?? none;
    const victim = BigInt(key.split('<')[0] ?? '');
    const { slack = 0, blur = 0, mayBeUnknown = false } = truth.cells.get(victim) ?? {};
    const unnamed = mayBeUnknown ? (totals.cells.get(victim)?.classes.unknown ?? 0) : 0;
    assert.equal(found.preemptions, expected.preemptions, `preemptions of ${key}`);
    for (const name of ['other', 'throttled'] as const) {
      const within = name === 'throttled' ? slack + blur : slack;
      const what = `${name} of ${key}: ${found[name]}, expected ${expected[name]} within ${within}`;
      assert.ok(
        found[name] - expected[name] <= within && expected[name] - found[name] <= within + unnamed,
        what,
      );
    }
  }
}

/** Each wait is in the ring, in order, with its parts. */
function assertReports({ totals, truth }: Played): void {
  assert.deepEqual(
    totals.waits.map(({ pid, serial, wait, migrated, weight }) => ({ pid, serial, wait, migrated, weight })),
    truth.waits.map(({ pid, cell, wait, migrated }) => ({ pid, serial: cell, wait, migrated, weight: 1 })),
  );
  for (const [i, expected] of truth.waits.entries()) {
    const { classes, culprit, culpritTime } = totals.waits[i] as WaitRecord;
    const { irq: _, steal, ...rest } = classes;
    assert.equal(sum(Object.values(classes)), expected.wait, 'the parts of a report sum to its wait');
    assertClasses({ ...rest, stolen: steal }, expected, `wait ${i}`);
    const most = Math.max(0, ...expected.culprits.values());
    assert.ok(
      culpritTime <= (expected.culprits.get(culprit) ?? 0) + expected.slack,
      'the culprit ran as long as reported',
    );
    if (
      expected.pieces === 1 &&
      expected.slack === 0 &&
      !expected.mayBeUnknown &&
      expected.culprits.size <= 8
    )
      assert.ok(culpritTime >= most - rounding, 'no cgroup ran longer than the culprit');
  }
}

/** The bucket with the wait between 2^(i/4) and 2^((i+1)/4) units of 2^-24 s, that edge included; 0: below all. */
const bucketOf = (wait: number) => Math.max(0, Math.ceil((Math.log2(Math.max(wait, 1) / 1e9) + 24) * 4));

/** A wait may be counted as up to 2 ns and 1 ns a second less than it was: the factor has 28 bits. */
export function assertHistograms({ totals, truth, slots }: Played): void {
  assert.equal(sum([...totals.histograms.values()].map(sum)), truth.waits.length);
  for (const [slot, counts] of totals.histograms) {
    const waits = truth.waits
      .filter((wait) => Math.min(wait.slot, slots - 1) === slot)
      .map(({ wait }) => wait);
    assert.equal(sum(counts), waits.length, `waits in the histogram of ${slot}`);
    for (const bucket of counts.keys()) {
      const upTo = sum(counts.slice(0, bucket + 1));
      const last = bucket === counts.length - 1;
      assert.ok(
        upTo >= waits.filter((wait) => last || bucketOf(wait) <= bucket).length,
        `at least, to ${bucket}`,
      );
      assert.ok(
        upTo <= waits.filter((wait) => last || bucketOf(wait - 2 - wait / 1e9) <= bucket).length,
        `at most, to ${bucket}`,
      );
    }
  }
}

export function assertRunTimes({ totals, truth }: Played): void {
  const found = (cell: bigint) => (totals.cells.get(cell)?.run ?? 0) + (totals.unfinished.get(cell) ?? 0);
  for (const [cell, { run }] of truth.cells) {
    if (totals.drops.no_cell === 0) assert.equal(found(cell), run, `run time of ${cell}`);
    else assert.ok(found(cell) <= run, `run time of ${cell}`);
  }
}

export function assertWaits(played: Played): void {
  assertCells(played);
  assertReports(played);
  assertUnnamedShared(played);
  assertWrongStamps(played);
}

/** A wait whose beginning the kernel had wrong is counted from when its thread was found awake, or as a loss. */
function assertWrongStamps({ totals, truth }: Played): void {
  assert.equal(totals.drops.delayed_dequeue ?? 0, truth.bogus, 'waits that were never found awake');
  assert.equal(totals.drops.begin_late ?? 0, truth.late, 'waits that were found awake');
}

/** Several cgroups are together only where there is no room for them, and that is counted. */
function assertUnnamedShared({ totals, truth }: Played): void {
  assert.equal(totals.drops.unnamed_shared ?? 0, truth.unnamedShared, 'shares without a name');
}

/** Many take turns: all their time is known, as that of a cgroup or of an unnamed share. */
export function assertTurns(played: Played): void {
  const { totals, truth } = played;
  assertWaits(played);
  assertPairs(played);
  assertRunTimes(played);
  assert.equal(totals.drops.history_truncated ?? 0, 0);
  for (const [cell, { classes }] of truth.cells) {
    const waits = truth.waits.filter((wait) => wait.cell === cell).length;
    const unknown = totals.cells.get(cell)?.classes.unknown ?? 0;
    assert.ok(unknown <= classes.unknown + waits * ofShares, `unknown of ${cell}: ${unknown}`);
  }
}

/** After any loss the remaining parts sum up, and the loss is counted. */
export function assertConsistent({ totals, truth }: Played): void {
  const lost = sum(Object.values(totals.drops)) > 0;
  for (const [cell, { wait, classes }] of totals.cells) {
    assert.equal(sum(Object.values(classes)), wait, `the classes of ${cell} sum to its wait`);
    const booked = sum(
      totals.pairs.entries().map(([key, { other }]) => (key.startsWith(`${cell}<`) ? other : 0)),
    );
    // What was blamed on pairs is not taken back with a wait in progress that cannot be remembered.
    if (totals.drops.retired_lost || totals.drops.open_wait_full) continue;
    assert.ok(booked <= (classes.other ?? 0), `pairs of ${cell}`);
    if (!totals.drops.pair_full) assert.equal(booked, classes.other ?? 0);
  }
  const expected = sum(truth.cells.values().map(({ wait }) => wait));
  const found = sum(totals.cells.values().map(({ wait }) => wait));
  // Without a mark, a wait with a wrong stamp passes for a right one; without an entry, a first wait that moves twice
  // is taken from its beginning again.
  const isForgetful = truth.bogus > 0 || (totals.drops.task_evicted ?? 0) > 0;
  assert.ok(isForgetful || found <= expected, 'no wait is counted twice');
  assert.ok(lost || found === expected, 'what is not counted was dropped for a reason');
}

/** What is sampled adds up to the whole; how it is spread is another test's. */
export function assertBooked({ totals }: Played): void {
  const other = sum(totals.cells.values().map(({ classes }) => classes.other ?? 0));
  const booked = sum(totals.pairs.values().map((pair) => pair.other));
  assert.equal(booked + totals.unbooked, other);
  assert.ok(totals.unbooked < (cpusAtMost + 1) * mostUnbooked);
}

/** What no pair has for want of room is counted, to the nanosecond. */
export function assertUnpaired({ totals }: Played): void {
  const other = sum(totals.cells.values().map(({ classes }) => classes.other ?? 0));
  assert.equal(sum(totals.pairs.values().map((pair) => pair.other)) + totals.unpaired, other);
}

/** Waits in progress: after each iteration they are charged as far as they got, in the end once and in full. */
export function assertProgress(played: Played): void {
  const { totals, truth, progress } = played;
  assertCells(played);
  assertReports(played);
  assertHistograms(played);
  for (const [i, { waits }] of truth.progress.entries())
    for (const cell of new Set([...waits.keys(), ...(progress[i]?.keys() ?? [])]))
      assert.equal(progress[i]?.get(cell) ?? 0, waits.get(cell) ?? 0, `wait of ${cell} after iteration ${i}`);
  assertEnded(played);
  for (const reason of ['progress_delayed', 'progress_lost', 'clock_backwards'])
    assert.equal(totals.drops[reason] ?? 0, 0, reason);
}

/** No wait goes on: none is in progress, and what the cells hold is what the histograms count. */
function assertEnded({ totals, truth }: Played): void {
  assert.equal(sum(totals.cells.values().map(({ inProgress }) => inProgress)), 0, 'in progress');
  for (const [cell, { wait, inProgress }] of totals.cells)
    assert.equal(
      wait - inProgress,
      sum(truth.waits.filter((each) => each.cell === cell).map((each) => each.wait)),
      `ended waits of ${cell}`,
    );
}

/** Whatever happens while waits in progress are looked at: they are counted once. */
export function assertMet(played: Played): void {
  assertCells(played);
  assertHistograms(played);
  assertEnded(played);
  assert.equal(played.totals.drops.progress_lost ?? 0, 0);
}

/** A missed switch is recovered at the next one. */
export function assertRecovered(played: Played): void {
  const { totals, truth } = played;
  assert.equal(totals.drops.switch_missed ?? 0, truth.missed);
  assertCells(played);
  assertHistograms(played);
  assertRunTimes(played);
  assertEnded(played);
}

/** A missed switch is counted where it is not recovered. */
export function assertSwitchesLost({ totals, truth }: Played): void {
  assert.equal(totals.drops.switch_lost ?? 0, truth.missed);
  assert.equal(totals.drops.switch_missed ?? 0, 0);
}

/** Long waits: each is reported, or adds to the weight of one that is, or of the next. */
export function assertWeights({ totals, truth }: Played): void {
  const long = truth.waits.filter(({ wait }) => wait >= longWait);
  const weights = sum(totals.waits.map(({ weight }) => weight));
  const reported = weights + totals.pending;
  if (totals.drops.retired_lost) assert.ok(reported <= long.length);
  else assert.equal(reported, long.length);
  assert.equal(
    totals.waits.length + (totals.drops.suppressed ?? 0) + (totals.drops.ring_full ?? 0),
    long.length,
  );
}
