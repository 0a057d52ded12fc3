/**
 * What does one context switch cost, hot and cold?
 *
 * Cost ladder: nothing in the hooks, the agent, two published techniques. The kernel's own statistics of BPF programs:
 * gross is the run time of all programs of a variant by runs of its hook on `sched_switch`; net is that less what empty
 * programs on the same hooks would take.
 */
import { type LoadName, loads } from './loads.ts';
import { keepRaw, type Round, readPlan, runRounds, setting } from './rounds.ts';
import { type Spread, spreadOf } from './spread.ts';
import { type Cost, costOf } from './switch-cost.ts';
import { type VariantName, variants } from './variants.ts';

function costsOf(rounds: readonly Round[], variant: VariantName): readonly Cost[] {
  return rounds.flatMap((round) => {
    const trial = round.get(variant);
    const empty = round.get('empty');
    return trial && empty ? [costOf(trial, empty)] : [];
  });
}

const whole = ({ min, median, max }: Spread) => `${median.toFixed(0)} (${min.toFixed(0)}–${max.toFixed(0)})`;
const ratio = ({ min, median, max }: Spread) => `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;

function table(rounds: readonly Round[], names: readonly VariantName[]): readonly string[] {
  const ours = costsOf(rounds, 'earshot');
  const lines = [
    `${'variant'.padEnd(18)}${'gross ns'.padEnd(20)}${'net ns'.padEnd(20)}${'switches/s'.padEnd(12)}earshot net by this`,
  ];
  for (const name of names) {
    const costs = costsOf(rounds, name);
    const ratios = costs.flatMap(({ net }, i) => {
      const own = ours[i];
      return own && name !== 'empty' && name !== 'earshot' ? [own.net / net] : [];
    });
    lines.push(
      name.padEnd(18) +
        whole(spreadOf(costs.map(({ gross }) => gross))).padEnd(20) +
        whole(spreadOf(costs.map(({ net }) => net))).padEnd(20) +
        spreadOf(costs.map(({ switchesPerSecond }) => switchesPerSecond))
          .median.toFixed(0)
          .padEnd(12) +
        (ratios.length > 0 ? ratio(spreadOf(ratios)) : '–'),
    );
  }
  return lines;
}

const plan = readPlan({
  rounds: 5,
  seconds: 3,
  loads: ['pingpong', 'mixed', 'messages'],
  variants: ['empty', 'earshot', 'runqlat', 'netflix', 'netflix_unlimited'],
});
for (const name of plan.variants)
  if (variants[name] === undefined) throw new Error(`cannot measure ${name}: it has no programs`);
if (!plan.variants.includes('empty'))
  throw new Error('cannot measure the net cost: the variant empty is left out');

console.log(`${setting.machine}, Linux ${setting.kernel}, ${setting.date}`);
console.log(`ns a context switch, median (min–max) of ${plan.rounds} rounds of ${plan.seconds} s`);
const all = new Map<LoadName, readonly Round[]>();
for (const load of plan.loads) {
  const rounds = await runRounds(plan, load, true);
  all.set(load, rounds);
  console.log(`\n${load} – ${loads[load].what}`);
  for (const line of table(rounds, plan.variants)) console.log(line);
}
console.log(`\nraw: ${keepRaw('cost', plan, all)}`);
