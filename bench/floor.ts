/**
 * What can a context switch not cost less than, with cold caches?
 *
 * The floor is the cache lines that a switch has to touch, whatever the code and the layout are, by what a miss costs on
 * this machine; the budget is 10 % above it. The lines are those of the simulated node of two CPUs (`lines.ts`), the miss is
 * measured (`loads/chase.c`): of lines that the last-level cache still holds, and of those that come from memory.
 *
 *     bench/floor.ts [--switches 300000]
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { EventLines } from './lines/facts.ts';
import { nodes, simulate, simulateRunqlat } from './lines/simulate.ts';
import { setting } from './rounds.ts';

const { values } = parseArgs({ options: { switches: { type: 'string', default: '300000' } } });
const chase = fileURLToPath(new URL('../build/bench/chase', import.meta.url));
const trials = 5;
const budgetAboveFloor = 1.1;
/** So much memory that most of it is not in the cache before. */
const places = { 'from the last-level cache': 4 << 20, 'from memory': 256 << 20 };

/** Lines a switch that has to be touched: `ended` is the share in which a thread leaves the CPU, `begun` in which one gets it. */
function leastLines({ ended, begun }: { readonly ended: number; readonly begun: number }) {
  return {
    'state of the CPU': 1,
    'newest slice of its history': 1,
    'cell of the cgroup that ran': ended,
    'cell of the cgroup that waited': begun,
    'bucket of its histogram': begun,
    'entry of the thread': begun,
    'serial number of the cgroup (css)': begun,
  };
}

/** ns a step, the least of some trials: other work only adds. */
function missOf(bytes: number): number {
  const all = Array.from({ length: trials }, () =>
    Number(execFileSync(chase, [String(bytes)], { encoding: 'utf8' })),
  );
  return Math.min(...all);
}

/** Lines of maps, and those of the kernel that nothing else touches. */
function linesOf(event: EventLines | undefined): number {
  const kernel = [...(event?.kernel.values() ?? [])].filter(({ isTouched }) => !isTouched);
  return (event?.all.touched ?? 0) + kernel.reduce((sum, { touched }) => sum + touched, 0);
}

const own = simulate(nodes[2], Number(values.switches)).events.get('switch');
const runqlat = simulateRunqlat(nodes[2], Number(values.switches)).events;
const begun = own?.maps.get('histograms')?.touched ?? 0;
const least = leastLines({ ended: begun, begun });
const floor = Object.values(least).reduce((sum, lines) => sum + lines, 0);
const wakes = (runqlat.get('wake')?.runs ?? 0) / (runqlat.get('switch')?.runs ?? 1);
const theirs = linesOf(runqlat.get('switch')) + wakes * linesOf(runqlat.get('wake'));

console.log(`${setting.machine}, Linux ${setting.kernel}, ${setting.date}`);
console.log('\nLines a switch that have to be touched');
for (const [name, lines] of Object.entries(least)) console.log(`${name.padEnd(36)}${lines.toFixed(2)}`);
console.log(`${'all'.padEnd(36)}${floor.toFixed(2)}`);
console.log(`${'touched by the programs'.padEnd(36)}${linesOf(own).toFixed(2)}`);
console.log(`${"by runqlat's, wake-ups included".padEnd(36)}${theirs.toFixed(2)}`);
console.log(`\n${'ns a switch if all lines come'.padEnd(37)}a miss    floor   budget  programs`);
for (const [place, bytes] of Object.entries(places)) {
  const miss = missOf(bytes);
  const figures = [miss, floor * miss, floor * miss * budgetAboveFloor, linesOf(own) * miss];
  console.log(place.padEnd(34) + figures.map((ns) => ns.toFixed(0).padStart(9)).join(''));
}
