/**
 * Do the agent's totals and shares agree with those of perf's tracepoints, replayed without any code of the agent?
 *
 * The agent runs as users start it, perf records beside it, and cgroups made for a load are compared. Ends with 1 where a
 * target is missed. A round in which perf has lost a record is thrown away and counted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { removeCgroups } from '../../../test/kernel/scheduler-fixture.ts';
import { keepResult, setting } from '../../rounds.ts';
import { type Comparison, compare, judgedFrom, missesOf, targets } from './compare.ts';
import { type PerfLoad, type PerfLoadName, perfLoads } from './loads.ts';
import { startPerf } from './recording.ts';
import { type Doubts, Replay } from './replay.ts';
import { startReporting } from './report.ts';
import { lineOf, summaryOf } from './table.ts';
import { readThreads } from './threads.ts';

/** Before a load begins: long enough for every CPU to switch, so that both sides know its current cgroup. */
const settleMs = 200;
/** Rounds of a load that may be thrown away, each. */
const attempts = 3;
/** Waits whose begin perf's events lack are perf's own error; above half a target the round is thrown away. */
const unbegunLimit = 0.005;
/** The kernel's own figure (cpu.stat) has to confirm what is concluded of throttling, in parts of the wait. */
const throttledLimit = 0.005;
const seconds3 = (time: number) => `${(time / 1e9).toFixed(3)} s`;

export interface Round {
  readonly load: PerfLoadName;
  readonly comparisons: readonly Comparison[];
  readonly doubts: Doubts;
  readonly events: number;
  /** What the agent itself says it has lost, by reason. */
  readonly losses: Readonly<Record<string, number>>;
  readonly notes: Readonly<Record<string, number>>;
  /** Otherwise its errors are shown and miss no target. */
  readonly isJudged: boolean;
  readonly misses: readonly string[];
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    loads: { type: 'string', default: Object.keys(perfLoads).join() },
  },
});
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);
if (!(seconds >= 1 && rounds >= 1))
  throw new Error('cannot read the arguments: --seconds and --rounds must be 1 or more');
const names = values.loads.split(',').map((name) => {
  if (!Object.hasOwn(perfLoads, name)) throw new Error(`cannot read --loads: there is no ${name}`);
  return name as PerfLoadName;
});

console.log(`${setting.machine}, Linux ${setting.kernel}, ${setting.date}`);
const measured: Round[] = [];
const thrownAway: { readonly load: string; readonly reason: string }[] = [];
const misses: string[] = [];
for (let round = 1; round <= rounds; round++)
  for (const name of names) {
    const result = await measureWithoutLoss(name);
    if (!result) {
      misses.push(`${name}: none of ${attempts} recordings is good`);
      continue;
    }
    measured.push(result);
    misses.push(...result.misses.map((miss) => `${name}: ${miss}`));
    console.log(
      `\nround ${round}, ${name}: ${result.events} events, ${JSON.stringify(result.doubts)}, losses ${JSON.stringify(result.losses)}, notes ${JSON.stringify(result.notes)}`,
    );
    for (const comparison of result.comparisons) console.log(lineOf(comparison));
  }
const table = summaryOf(measured);
console.log(`\n${table.join('\n')}`);
console.log(`\nthrown away: ${thrownAway.length} of ${thrownAway.length + measured.length} rounds`);
for (const { load, reason } of thrownAway) console.log(`thrown away: ${load}: ${reason}`);
console.log(`raw: ${keepResult('accuracy-perf', { seconds, targets, thrownAway, measured, table })}`);
for (const miss of misses) console.log(`missed: ${miss}`);
if (misses.length > 0) process.exitCode = 1;
else console.log(`held: totals within ${targets.total} %, shares within ${targets.share} point`);

async function measureWithoutLoss(name: PerfLoadName): Promise<Round | undefined> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const result = await measure(name);
    if (!('reason' in result)) return result;
    thrownAway.push({ load: name, reason: result.reason });
    console.log(`\n${name}: thrown away: ${result.reason}`);
  }
  return undefined;
}

async function measure(name: PerfLoadName): Promise<Round | { readonly reason: string }> {
  // First, so that perf stamps a switch before the agent's programs run: with cold caches they take microseconds.
  const perf = await startPerf();
  const agent = await startReporting().catch(async (error: unknown) => {
    await perf.close();
    throw error;
  });
  try {
    const threads = readThreads();
    await sleep(settleMs);
    const load: PerfLoad = perfLoads[name](seconds);
    await load.run();
    const report = await agent.finish();
    await perf.stop();
    const lost = await perf.lost();
    if (lost) return { reason: `perf lost ${lost} records` };
    const replay = new Replay(threads, { limited: load.limited && load.cgroups[load.limited]?.path });
    let events = 0;
    for await (const event of perf.events()) {
      replay.add(event);
      events++;
    }
    const names = new Map(Object.entries(load.cgroups).map(([as, { path }]) => [path, as]));
    const reason = whyUnfit(replay, { names, load });
    if (reason) return { reason };
    const comparisons = [...names].flatMap(([path, as]) => {
      const replayed = replay.cgroups.get(path);
      const nameOf = (party: string) => names.get(party);
      return replayed?.wait ? [compare(as, { path, replayed, reported: report.of(path), nameOf })] : [];
    });
    const isJudged = !load.isShownOnly;
    const misses = isJudged ? comparisons.flatMap(missesOf) : [];
    if (!comparisons.some(({ wait }) => wait >= judgedFrom))
      misses.push('no cgroup waited long enough to be judged');
    const { losses, notes } = report;
    return { load: name, comparisons, doubts: replay.doubts, events, losses, notes, isJudged, misses };
  } finally {
    await perf.close();
    await agent.close();
    await removeCgroups();
  }
}

function whyUnfit(
  { doubts, cgroups }: Replay,
  { names, load }: { readonly names: ReadonlyMap<string, string>; readonly load: PerfLoad },
): string | undefined {
  if (doubts.gaps) return `${doubts.gaps} switches are missing in perf's events`;
  for (const [path, { waits, unbegun, wait, throttled }] of cgroups) {
    const name = names.get(path);
    if (name === undefined) continue;
    if (unbegun > waits * unbegunLimit) return `${unbegun} of ${waits} waits of ${name} have no begin`;
    if (name !== load.limited) continue;
    const kernels = load.cgroups[name]?.throttled() ?? 0;
    if (Math.abs(kernels - throttled) > wait * throttledLimit)
      return `${name} was throttled for ${seconds3(kernels)}, and perf's events show ${seconds3(throttled)}: the machine is too busy`;
  }
  return undefined;
}
