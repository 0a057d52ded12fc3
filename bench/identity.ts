/**
 * What does naming 500 pods of three containers cost? With a source of events, and with the
 * kubelet's client over a server of ours that answers `GET /pods`, in a process of its own.
 *
 *     bench/identity.ts [--pods 500] [--seconds 10]
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { cpus, release } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openKubelet } from '../src/identity/kubernetes/kubelet.ts';
import type { SourceContext } from '../src/identity/source.ts';
import { openWorkload } from '../src/processors/workload/workload.ts';
import { culpritAttributes } from '../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../src/telemetry/attributes/resource.ts';
import { workloadAttributes } from '../src/telemetry/attributes/workload.ts';
import { type Batch, itemCount } from '../src/telemetry/batch.ts';
import { nanoseconds, seconds } from '../src/telemetry/units.ts';
import { FakeCgroups } from '../test/unit/fake-cgroups.ts';
import { fakeHost } from '../test/unit/fake-host.ts';
import { read, reading, workloadSettings } from '../test/unit/processors/workload/fixture.ts';
import { agentFlags } from './agent-flags.ts';
import { MadeNode } from './identity-node.ts';

const { values } = parseArgs({
  options: {
    pods: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '10' },
    trial: { type: 'string' },
  },
});
const pods = Number(values.pods);
const changesPerSecond = 10;
/** Of each workload, as the scheduler receiver names by default. */
const culprits = 10;
const ticksPerSecond = 4;

const kubelet = {
  auth_type: 'none',
  insecure_skip_verify: false,
  interval: seconds(30),
  timeout: seconds(10),
} as const;
const quiet = { name: 'kubelet', state: 'ready', reason: undefined, tick() {}, requestLookup() {} } as const;

if (values.trial === 'server') serve();
else if (values.trial === 'events' || values.trial === 'kubelet') await measure(values.trial);
else {
  console.log(
    `${new Date().toISOString()}, Linux ${release()}, ${cpus().length} CPUs, Node.js ${process.version}`,
  );
  for (const trial of ['events', 'kubelet']) {
    const child = start(trial, 'inherit');
    await once(child, 'exit');
    if (child.exitCode !== 0) process.exitCode = 1;
  }
}

/** One process a trial. */
function start(trial: string, stdout: 'inherit' | 'pipe') {
  const own = fileURLToPath(import.meta.url);
  const flags = ['--expose-gc', ...agentFlags];
  const args = ['--trial', trial, '--pods', values.pods, '--seconds', values.seconds];
  return spawn(process.execPath, [...flags, own, ...args], { stdio: ['pipe', stdout, 'inherit'] });
}

/** Prints its port; `POST /<place>` puts a new pod there. Ends with its parent process. */
function serve(): void {
  const node = new MadeNode(pods);
  const server = createServer((request, response) => {
    if (request.method === 'POST') node.change(Number(request.url?.slice(1)));
    response.setHeader('content-type', 'application/json');
    response.end(request.method === 'POST' ? '' : node.list());
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    console.log(typeof address === 'object' ? address?.port : address);
  });
  process.stdin.resume().on('end', () => process.exit());
}

async function startServer() {
  const child = start('server', 'pipe');
  if (!child.stdout) throw new Error('cannot start the server: it has no output');
  const [port] = await once(createInterface(child.stdout), 'line');
  return {
    endpoint: `http://127.0.0.1:${port}`,
    change: async (place: number) => {
      await (await fetch(`http://127.0.0.1:${port}/${place}`, { method: 'POST' })).arrayBuffer();
    },
    stop: () => child.stdin?.end(),
  };
}

function readingOf(ids: readonly bigint[]): Batch {
  const about = (id: bigint, i: number) => {
    const victim = {
      [resourceAttributes.cgroupId.key]: String(id),
      [resourceAttributes.hostName.key]: 'node',
    };
    const points = Array.from({ length: culprits }, (_, k) => ({
      [culpritAttributes.cgroupId.key]: String(ids[(i + k) % ids.length]),
    }));
    return [victim, ...points] as const;
  };
  return reading(...ids.map(about));
}

async function measure(trial: 'events' | 'kubelet'): Promise<void> {
  const server = trial === 'kubelet' ? await startServer() : undefined;
  const node = new MadeNode(pods);
  const paths = new Map<bigint, string>();
  const learn = (place: number) => {
    for (const { id, path } of node.cgroupsOf(place)) paths.set(id, path);
  };
  for (const place of node.places) learn(place);
  const cgroups = new FakeCgroups();
  cgroups.path = (id) => paths.get(id);
  const { host, runTasks } = fakeHost('workload', undefined, cgroups);
  const began = process.hrtime.bigint();
  const elapsed = () => nanoseconds(Number(process.hrtime.bigint() - began));
  const batch = readingOf(node.places.flatMap((place) => node.cgroupsOf(place).map(({ id }) => id)));
  const settings = workloadSettings({ sources: ['kubelet'], hold: '10s' });
  const before = memory();

  let events: SourceContext | undefined;
  const opened = elapsed();
  const processor = await openWorkload(
    settings,
    { ...host, clock: { ...host.clock, elapsed } },
    (_, context) => {
      if (server) return openKubelet({ ...kubelet, endpoint: server.endpoint }, context, { environment: {} });
      events = context;
      return { ...quiet, close: async () => {} };
    },
  );
  const pull = async () => {
    await runTasks();
    return (await Promise.all((processor.pulls ?? []).map((each) => each.collect()))).flat();
  };

  let named = processor.process(batch);
  for (const place of node.places) if (events) node.report(events.facts, place);
  while (itemCount(named) === 0) {
    await setTimeout(5);
    named = (await pull())[0] ?? named;
  }
  const firstNaming = elapsed() - opened;
  const nameless = countNames(named).nameless;
  named = processor.process(readingOf([]));
  const added = memory() - before;

  const rounds = 10;
  const namingBegan = elapsed();
  for (let i = 0; i < rounds; i++) processor.process(batch);
  const naming = (elapsed() - namingBegan) / rounds;

  const churn = { named: 0, nameless: 0 };
  const count = (of: Batch) => {
    const found = countNames(of);
    churn.named += found.named;
    churn.nameless += found.nameless;
  };
  const cpu = process.cpuUsage();
  const churnBegan = elapsed();
  let changed = 0;
  const held = () => changed * 3 - churn.named - churn.nameless;
  for (let tick = 1; tick <= Number(values.seconds) * ticksPerSecond; tick++) {
    for (; changed < (tick * changesPerSecond) / ticksPerSecond; changed++) {
      const place = changed % pods;
      events?.facts.markPodGone(node.uidAt(place));
      node.change(place);
      learn(place);
      await server?.change(place);
      count(processor.process(readingOf(node.cgroupsOf(place).map(({ id }) => id))));
      if (events) node.report(events.facts, place);
    }
    for (const each of await pull()) count(each);
    await setTimeout(Math.max(0, (tick * 1000) / ticksPerSecond - (elapsed() - churnBegan) / 1e6));
  }
  const spent = process.cpuUsage(cpu);
  const took = (elapsed() - churnBegan) / 1e9;
  for (const until = elapsed() + seconds(5); held() > 0 && elapsed() < until; await setTimeout(250))
    for (const each of await pull()) count(each);
  await processor.close();

  console.log(
    [
      `${trial === 'events' ? 'a source with events' : 'the kubelet’s client'}, ${pods} pods of 3 containers`,
      `  first complete naming     ${(firstNaming / 1e6).toFixed(0)} ms, ${nameless} without a name`,
      `  memory added              ${(added / 2 ** 20).toFixed(1)} MiB`,
      `  a reading of ${pods * 3} workloads with ${culprits} culprits each: ${(naming / 1e6).toFixed(1)} ms, ${Math.round(itemCount(batch) / (naming / 1e9)).toLocaleString('en-US')} lookups a second`,
      `  ${changesPerSecond} pod changes a second   ${(((spent.user + spent.system) / 1e6 / took) * 100).toFixed(1)} % of a CPU; of ${changed * 3} new containers ${churn.named} named, ${churn.nameless} not`,
    ].join('\n'),
  );
  server?.stop();
  process.exit();
}

function countNames(batch: Batch): { readonly named: number; readonly nameless: number } {
  const victims = read(batch);
  const named = victims.filter(
    ({ victim }) => victim[workloadAttributes.podContainerName.key] !== undefined,
  ).length;
  return { named, nameless: victims.length - named };
}

/** Resident, after everything that is not needed any more is gone. */
function memory(): number {
  for (let i = 0; i < 3; i++) globalThis.gc?.();
  return process.memoryUsage.rss();
}
