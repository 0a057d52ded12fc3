/**
 * How far are the totals from what really happened, and how far are the rules by which others name a culprit?
 *
 * Beside the agent's own programs everything the scheduler does is recorded, and replayed by brute force: each wait
 * against every slice it overlaps. Both are attached before the load begins and read after it has ended, and only
 * cgroups made for the load are compared, so that both cover the same waits. Ends with 1 where a target is missed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { account, openScheduler, removeCgroups } from '../../test/kernel/scheduler-fixture.ts';
import { openOracle } from '../../test/lab/oracle.ts';
import { replay } from '../../test/lab/replay.ts';
import { flags, kinds, type Trace } from '../../test/lab/trace.ts';
import { keepResult, setting } from '../rounds.ts';
import { type Comparison, compare } from './compare.ts';
import { type AccuracyLoadName, accuracyLoads, type Contention } from './loads.ts';
import { publishedRules, type Rule } from './published-rules.ts';
import { missesOfLevels } from './quota-levels.ts';
import { classTable, culpritLines, type RuleRow, ruleTable } from './table.ts';
import { judgedFrom, missesOf, targets } from './targets.ts';

/** At 300,000 happenings a second, ten seconds in which this process does not get a CPU. */
const ringBytes = 2 ** 28;
const attempts = 3;
/** Before a load begins: long enough for every CPU to switch, so that both sides know its current cgroup. */
const settleMs = 200;

interface Result {
  readonly load: string;
  readonly seconds: number;
  readonly switchesPerSecond: number;
  /** Switches for which the kernel called no hook. */
  readonly unseenSwitches: number;
  readonly drops: Readonly<Record<string, number>>;
  readonly comparisons: readonly Comparison[];
  readonly misses: readonly string[];
}

interface Measured {
  readonly result: Result;
  readonly rules: readonly Rule[];
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    loads: { type: 'string', default: Object.keys(accuracyLoads).join() },
  },
});
const seconds = Number(values.seconds);
if (!(seconds >= 1)) throw new Error(`cannot read --seconds ${values.seconds}: it must be 1 or more`);
const names = values.loads.split(',').map((name) => {
  if (!Object.hasOwn(accuracyLoads, name)) throw new Error(`cannot read --loads: there is no ${name}`);
  return name as AccuracyLoadName;
});

console.log(`${setting.machine}, Linux ${setting.kernel}, ${setting.date}`);
console.log(
  'share of the wait in %, and its error in points of the wait; a replay of every switch is the truth',
);
const results: Result[] = [];
const rows: RuleRow[] = [];
let rules: readonly Rule[] = [];
for (const name of names) {
  const measured = await measureWithoutLoss(name);
  results.push(measured.result);
  rules = measured.rules;
  for (const comparison of measured.result.comparisons)
    if (comparison.wait >= judgedFrom) rows.push({ load: name, comparison });
}
console.log(
  '\nPoints of the blame of a rule that are on the wrong party; “of 40 %”: the rule sees only that part of the wait.\n',
);
const table = ruleTable(rows, rules);
for (const line of table) console.log(line);
console.log(`\nraw: ${keepResult('accuracy', { seconds, targets, results, table })}`);
const misses = results.flatMap((result) => result.misses.map((miss) => `${result.load}: ${miss}`));
for (const miss of misses) console.log(`missed: ${miss}`);
if (misses.length > 0) process.exitCode = 1;
else
  console.log(
    `held: wait and classes within ${targets.class} %, culprits within ${targets.culprit} points, unknown under ${targets.unknown} %`,
  );

/** A trace with gaps proves nothing: the load is run again, for half as long. */
async function measureWithoutLoss(name: AccuracyLoadName): Promise<Measured> {
  for (let attempt = 0, length = seconds; ; attempt++, length /= 2) {
    const measured = await measure(name, length);
    if ('result' in measured) return measured;
    console.log(`\n${name}: the recorder lost ${measured.lost} happenings of ${length} s`);
    if (attempt === attempts) throw new Error(`cannot record ${name}: the load is too much for the recorder`);
  }
}

async function measure(
  name: AccuracyLoadName,
  length: number,
): Promise<Measured | { readonly lost: number }> {
  const source = openScheduler();
  const oracle = openOracle({ ringBytes });
  try {
    await sleep(settleMs);
    const load: Contention = accuracyLoads[name](length);
    const reported = await account(source, load.run);
    if (oracle.lost()) return { lost: oracle.lost() };
    const trace = oracle.trace();
    const truth = replay(trace);
    const rules = publishedRules(trace);
    const names = new Map<bigint, string>(Object.entries(load.cgroups).map(([as, { id }]) => [id, as]));
    const nameOf = (id: bigint) => names.get(id) ?? `cgroup ${id}`;
    const comparisons = Object.entries(load.cgroups).flatMap(([as, cgroup]) => {
      const replayed = truth.get(cgroup.id);
      return replayed?.wait ? [compare(as, { cgroup, account: reported, replayed, rules, nameOf })] : [];
    });
    const misses = comparisons.flatMap(missesOf);
    if (!comparisons.some(({ wait }) => wait >= judgedFrom))
      misses.push('no cgroup waited long enough to be judged');
    if (load.levels) misses.push(...missesOfLevels(load.levels, reported));
    const switchesPerSecond = switchRate(trace);
    const unseenSwitches = trace.flags.reduce((sum, flag) => sum + (flag & flags.unseen ? 1 : 0), 0);
    const result = {
      load: name,
      seconds: length,
      switchesPerSecond,
      unseenSwitches,
      drops: reported.drops,
      comparisons,
      misses,
    };
    print(result, load.what);
    return { result, rules };
  } finally {
    source.close();
    oracle.close();
    await removeCgroups();
  }
}

function switchRate(trace: Trace): number {
  let switches = 0;
  for (const kind of trace.kind) if (kind === kinds.switch) switches++;
  const span = ((trace.clock.at(-1) ?? 0) - (trace.clock[0] ?? 0)) / 1e9;
  return Math.round(switches / span);
}

function print(
  { load, seconds, switchesPerSecond, unseenSwitches, drops, comparisons }: Result,
  what: string,
): void {
  console.log(
    `\n${load} – ${what}: ${seconds} s, ${switchesPerSecond} switches/s (${unseenSwitches} unseen), drops ${JSON.stringify(drops)}`,
  );
  for (const line of classTable(comparisons)) console.log(line);
  for (const comparison of comparisons) {
    const { cgroup, waits, waitsMissed, excluded, misstamped, unresolved, unseen } = comparison;
    console.log(
      `${cgroup}: ${waits} waits, ${waitsMissed} not counted, ${excluded.toFixed(2)} % left out for a wrong stamp, ` +
        `${misstamped.waits} with a stamp off by ${(misstamped.wait / 1e6).toFixed(2)} ms together, ${unresolved} unresolved, ${unseen} ended unseen`,
    );
    for (const line of culpritLines(comparison)) console.log(`  by ${line}`);
  }
}
