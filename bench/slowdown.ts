/**
 * How much throughput does a load lose that does nothing but switch?
 *
 * Round trips a second of a ping-pong against the trial of the same round with nothing attached. The kernel's
 * statistics of BPF programs are off, because they cost as much as an empty program.
 */
import type { LoadName } from './loads.ts';
import { keepRaw, type Round, readPlan, runRounds, setting } from './rounds.ts';
import { type Spread, spreadOf } from './spread.ts';

const plan = readPlan({
  rounds: 7,
  seconds: 3,
  loads: ['pingpong'],
  variants: ['none', 'empty', 'earshot', 'runqlat'],
});
if (plan.loads.includes('node')) throw new Error('cannot measure the loss of node: it counts nothing');
if (!plan.variants.includes('none')) throw new Error('cannot measure the loss: the variant none is left out');

const percent = ({ min, median, max }: Spread) =>
  `${(median * 100).toFixed(1)} % (${(min * 100).toFixed(1)}–${(max * 100).toFixed(1)})`;

console.log(`${setting.machine}, Linux ${setting.kernel}, ${setting.date}`);
console.log(`throughput lost, median (min–max) of ${plan.rounds} rounds of ${plan.seconds} s`);
const all = new Map<LoadName, readonly Round[]>();
for (const load of plan.loads) {
  const rounds = await runRounds(plan, load, false);
  all.set(load, rounds);
  console.log(`\n${load}`);
  for (const variant of plan.variants) {
    const rates = rounds.flatMap((round) => round.get(variant)?.rate ?? []);
    const losses = rounds.flatMap((round) => {
      const bare = round.get('none');
      const trial = round.get(variant);
      return bare && trial ? [1 - trial.rate / bare.rate] : [];
    });
    const rate = spreadOf(rates).median.toFixed(0);
    console.log(
      `${variant.padEnd(18)}${`${rate}/s`.padEnd(14)}${variant === 'none' ? '–' : percent(spreadOf(losses))}`,
    );
  }
}
console.log(`\nraw: ${keepRaw('slowdown', plan, all)}`);
