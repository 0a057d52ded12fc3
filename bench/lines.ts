/**
 * Which cache lines does a context switch touch, and which of them travel between CPUs?
 *
 * The programs, compiled for this process with a call before each access to memory, run at the switches of a simulated
 * node (bench/lines/). The answer is the same on every machine, and needs no root.
 *
 *     bench/lines.ts [--nodes 2,64,256] [--switches 1000000]
 */
import { parseArgs } from 'node:util';
import type { EventLines } from './lines/facts.ts';
import { type Node, nodes, simulate } from './lines/simulate.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '2,64,256' },
    switches: { type: 'string', default: '1000000' },
  },
});

const isNode = (name: string): name is `${keyof typeof nodes}` => Object.hasOwn(nodes, name);
const wanted = values.nodes.split(',').map((name) => {
  const node: Node | undefined = isNode(name) ? nodes[name] : undefined;
  if (!node) throw new Error(`cannot simulate ${name} CPUs: there are ${Object.keys(nodes).join()}`);
  return { node, lines: simulate(node, Number(values.switches)) };
});

const figure = (value: number | undefined) =>
  (value ? value.toFixed(value < 0.095 ? 3 : 2) : '–').padStart(9);
const columns = wanted.map(({ node }) => `${node.cpus} CPUs`.padEnd(36)).join('');

/** A row for each map: lines touched, of them written, transfers, of them between caches. */
function mapTable(event: string, unit: string): void {
  const events = wanted.map(({ lines }) => lines.events.get(event));
  const names = new Set(events.flatMap((of) => [...(of?.maps.keys() ?? [])]));
  if (names.size === 0) return;
  console.log(
    `\nLines of maps ${unit}: touched, of them written, transferred between CPUs, of them between caches`,
  );
  console.log(''.padEnd(20) + columns);
  const row = (name: string, touchedBy: (of: EventLines) => ReturnType<EventLines['maps']['get']>) =>
    console.log(
      name.padEnd(20) +
        events
          .map((of) => {
            const map = of && touchedBy(of);
            return [map?.touched, map?.written, map?.transfers, map?.far].map(figure).join('');
          })
          .join(''),
    );
  for (const name of names) row(name, ({ maps }) => maps.get(name));
  row('all', ({ all }) => all);
}

function kernelTable(): void {
  console.log('\nLines of the kernel a switch, by struct and line (Linux 6.18), and what of them is read');
  const events = wanted.map(({ lines }) => lines.events.get('switch'));
  const rows = new Map(events.flatMap((of) => [...(of?.kernel ?? [])]));
  for (const [place, { members, isTouched }] of rows) {
    const counts = events.map((of) => figure(of?.kernel.get(place)?.touched)).join('');
    console.log(
      `${place.padEnd(20)}${counts}   ${isTouched ? 'the switch itself touches it' : 'for the programs alone'.padEnd(28)} ${members.join(', ')}`,
    );
  }
}

function sharedTable(): void {
  console.log('\nLines in use at the end, and those that more than one CPU has written');
  console.log(''.padEnd(20) + wanted.map(({ node }) => `${node.cpus} CPUs`.padStart(18)).join(''));
  for (const name of new Set(wanted.flatMap(({ lines }) => [...lines.shared.keys()])))
    console.log(
      name.padEnd(20) +
        wanted
          .map(({ lines }) => {
            const { used = 0, several = 0 } = lines.shared.get(name) ?? {};
            return `${String(used).padStart(10)}${String(several).padStart(8)}`;
          })
          .join(''),
    );
}

for (const { node } of wanted)
  console.log(
    `${node.cpus} CPUs, ${node.cache} to a cache, ${node.cgroups} cgroups, ${node.threads} threads, ${values.switches} switches`,
  );
mapTable('switch', 'a switch');
kernelTable();
mapTable('wake', 'a wake-up on another CPU');
mapTable('move_waiting', 'a move of a waiting thread');
mapTable('visit', 'a task the iterator visits');
sharedTable();
