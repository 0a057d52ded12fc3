/**
 * Loads whose effect is known, on this machine's kernel: what the agent finds about them, and what published rules would say.
 *
 *   test/scenarios/run.ts [--repeat 5] [--beside] [--only TEXT]...    all scenarios, or those with one of the texts in their name
 *
 * With --beside other load runs all the time. Ends with 1 where a name is wrong, a finding is missing, too many, or late, where
 * too many scenarios could not be produced, as the kernel says, and with CI=true in the environment where a program is missing,
 * without which a scenario is left out.
 */
import { parseArgs } from 'node:util';
import { lacks } from '../lab/needed.ts';
import { judge } from './judge.ts';
import { publishedRules } from './published-rules.ts';
import type { Scenario } from './scenario.ts';
import { scenarios } from './scenarios.ts';
import { Stage } from './stage.ts';
import { confusionMatrix, heading, linesOf, type Played, shortName, summaryOf } from './summary.ts';

const { values } = parseArgs({
  options: {
    repeat: { type: 'string', default: '1' },
    beside: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
  },
});
const repetitions = Number(values.repeat);
if (!(repetitions >= 1)) throw new Error(`cannot repeat ${values.repeat} times`);
const chosen = scenarios.filter(
  ({ name }) => values.only.length === 0 || values.only.some((text) => name.includes(text)),
);
if (chosen.length === 0) throw new Error(`no scenario is called ${values.only.join(', ')}`);
const leftOut = new Map(
  chosen.flatMap((scenario) => {
    const reason = (values.beside && scenario.alone) || lacks(...(scenario.programs ?? []));
    return reason ? [[scenario, reason] as const] : [];
  }),
);

/** Of cgroup version 2. */
const mostWeight = 10_000;

/** Of those that were begun, that the machine may fail to produce. */
const mostNotProduced = 0.1;

const played: Played[] = [];
const notProduced: string[] = [];
const problems: string[] = [];
const begin = performance.now();
let isStopped = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    isStopped = true;
    problems.push(`stopped by ${signal}`);
  });
for (let repetition = 0; repetition < repetitions && !isStopped; repetition++) await playAll();
const rows = played.flatMap(({ judgement }) => judgement.rows);
for (const line of ['', ...confusionMatrix(rows), '', ...summaryOf(played)]) console.log(line);
for (const reason of notProduced) console.log(`not produced: ${reason}`);
if (notProduced.length > mostNotProduced * (played.length + notProduced.length))
  problems.push(`${notProduced.length} scenarios were not produced`);
console.log(
  `${played.length} scenarios, and ${notProduced.length} that were not produced, in ${((performance.now() - begin) / 1000).toFixed(0)} s`,
);
for (const [{ name }, reason] of leftOut) console.log(`left out: ${name}: ${reason}`);
for (const problem of problems) console.error(`failed: ${problem}`);
process.exitCode = problems.length > 0 || played.length === 0 ? 1 : 0;

/** With an agent for each configuration. */
async function playAll(): Promise<void> {
  for (const line of heading) console.log(line);
  for (const [scheduler, group] of Map.groupBy(chosen, (scenario) => scenario.scheduler ?? '')) {
    const stage = await Stage.open({ isBeside: values.beside, scheduler });
    try {
      for (const scenario of group) {
        if (isStopped) break;
        if (!leftOut.has(scenario)) await play(stage, scenario);
      }
    } finally {
      await stage.close();
    }
  }
}

async function play(stage: Stage, scenario: Scenario): Promise<void> {
  const { name } = scenario;
  try {
    await stage.begin(mostWeight);
    const label = await scenario.play(stage);
    const recorded = await stage.record();
    if (recorded.lacks.length > 0) {
      notProduced.push(`${name}: ${recorded.lacks.join('; ')}`);
      console.log(`| ${name} | not produced: ${recorded.lacks.map(shortName).join('; ')} |`);
      problems.push(...recorded.failures.map((failure) => `${name}: ${failure}`));
      return;
    }
    const judgement = judge(label, recorded);
    const [own] = judgement.rows;
    const rules = publishedRules(recorded.metrics.all, own?.victim ?? '', recorded.metrics.seconds);
    const one: Played = { name, judgement, rules };
    played.push(one);
    for (const line of linesOf(one)) console.log(line);
    const all = [...judgement.problems, ...recorded.failures].map((problem) => `${name}: ${problem}`);
    if (recorded.ofMachine > 0)
      console.log(`  ${recorded.ofMachine} findings about other work of the machine`);
    if (all.length > 0) {
      for (const { state, victim, body } of recorded.reported)
        console.log(`  ${shortName(victim)} ${state}: ${body}`);
      for (const problem of all) console.log(`  failed: ${problem}`);
    }
    problems.push(...all);
  } catch (error) {
    problems.push(`${name}: ${error instanceof Error ? error.message : error}`);
  } finally {
    await stage.clear();
  }
}
