/**
 * What does a sending queue cost for each request, in memory beside an array and on disk beside plain node:sqlite, what does it
 * allocate, and how long does a queue that an agent before has left keep the event loop at the start?
 *
 *     bench/delivery.ts [--bytes 20000] [--rounds 5]
 *
 * Each trial is a process of its own, and variants take turns. A request is put, sent to a destination that accepts it at once, and
 * released; nothing is encoded.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Payload } from '../src/component.ts';
import { openSender } from '../src/delivery/open-sender.ts';
import { fileStorage } from '../src/extensions/file-storage/file-storage.ts';
import { endsWithin, systemClock } from '../src/machine/clock.ts';
import type { Store } from '../src/store.ts';
import { seconds } from '../src/telemetry/units.ts';
import { defaults } from '../test/unit/delivery/sender-fixture.ts';
import { fakeHost } from '../test/unit/fake-host.ts';
import { batchOf, fakeWorld } from '../test/unit/runtime/fake-world.ts';
import { spreadOf } from './spread.ts';

const { values } = parseArgs({
  options: {
    bytes: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '5' },
    trial: { type: 'string' },
  },
});
const bytes = Buffer.alloc(Number(values.bytes), 7);
const payload: Payload = { signal: 'metrics', items: 100, bytes };
const batch = batchOf('metrics', 100);

interface Variant {
  /** Cost is a ratio to that of another. */
  readonly beside?: string;
  readonly requests: number;
  run(directory: string): Promise<Deliver>;
}

interface Deliver {
  one(): void | Promise<void>;
  end(): void | Promise<void>;
}

const variants: Readonly<Record<string, Variant>> = {
  array: {
    requests: 200_000,
    async run() {
      const waiting: Payload[] = [];
      return {
        one() {
          waiting.push(payload);
          waiting.shift();
        },
        end() {},
      };
    },
  },
  memory: { beside: 'array', requests: 50_000, run: () => sending() },
  sqlite: {
    requests: 2000,
    async run(directory) {
      const database = new DatabaseSync(join(directory, 'plain.db'));
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF');
      database.exec('CREATE TABLE entries (key TEXT NOT NULL UNIQUE, value BLOB NOT NULL) STRICT');
      const insert = database.prepare('INSERT INTO entries VALUES (?, ?)');
      const remove = database.prepare('DELETE FROM entries WHERE key = ?');
      let n = 0;
      return {
        one() {
          const key = `${n++}`.padStart(20, '0');
          insert.run(key, bytes);
          remove.run(key);
        },
        end: () => database.close(),
      };
    },
  },
  stored: {
    beside: 'sqlite',
    requests: 2000,
    async run(directory) {
      const { store, close } = await storeIn(directory);
      const { one, end } = await sending(store);
      return {
        one,
        async end() {
          await end();
          await close();
        },
      };
    },
  },
};

async function sending(store?: Store): Promise<Deliver> {
  let left = 0;
  const exporter = {
    encode: () => [payload],
    async send() {
      left -= 1;
      return { kind: 'accepted' } as const;
    },
    async close() {},
  };
  const sender = await openSender(
    { shape: 'request', exporter, delivery: queued, ...(store && { store }) },
    { ...fakeWorld(), clock: systemClock, id: 'bench' },
  );
  return {
    async one() {
      left += 1;
      await sender.offer(batch);
    },
    async end() {
      await sender.close(seconds(60));
      if (left !== 0) throw new Error(`${left} requests were not sent`);
    },
  };
}

const { max_bytes: _, ...queue } = defaults.sending_queue;
const queued = { ...defaults, sending_queue: { ...queue, block_on_overflow: true } };

async function storeIn(directory: string) {
  const { host } = fakeHost('file_storage');
  const storage = await fileStorage.open(
    { directory },
    { ...host, clock: systemClock, endsWithin: (limit, work) => endsWithin(systemClock, limit, work) },
  );
  return { store: await storage.openStore('exporter bench'), close: () => storage.close() };
}

interface Cost {
  /** µs of CPU for each request. */
  readonly cpu: number;
  /** Requests in a second, by the clock. */
  readonly rate: number;
  /** Bytes of the heap for each request. */
  readonly heap: number;
}

async function measure({ requests, run }: Variant, directory: string): Promise<Cost> {
  const { one, end } = await run(directory);
  for (let n = 0; n < requests / 10; n++) await one();
  globalThis.gc?.();
  const heap = process.memoryUsage().heapUsed;
  const few = requests / 20;
  for (let n = 0; n < few; n++) await one();
  const allocated = process.memoryUsage().heapUsed - heap; // the young generation has room for it
  const cpu = process.cpuUsage();
  const begin = performance.now();
  for (let n = 0; n < requests; n++) await one();
  await end();
  const { user, system } = process.cpuUsage(cpu);
  const rate = requests / ((performance.now() - begin) / 1000);
  return { cpu: (user + system) / requests, rate, heap: allocated / few };
}

const sizes = [32, 60, 256, 512];

/** Longest that the event loop stands still while a file of so many MiB is opened. */
async function measureOpen(mebibytes: number, directory: string): Promise<number> {
  const before = await storeIn(directory);
  const value = Buffer.alloc(1024 * 1024, 7);
  // its tables and lists take some pages as well
  for (let n = 1; n < mebibytes; n++) await before.store.apply([{ key: `${n}`, value }]);
  await before.close();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const after = await storeIn(directory);
  await new Promise((resolve) => setTimeout(resolve, 20));
  delay.disable();
  await after.close();
  return delay.max / 1e6;
}

async function runTrial(name: string): Promise<Cost | number> {
  const directory = mkdtempSync(join(tmpdir(), 'earshot-bench-'));
  try {
    const variant = variants[name];
    return variant ? await measure(variant, directory) : await measureOpen(Number(name), directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function spawnTrial<T>(name: string): T {
  const heap = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'];
  const args = [...heap, fileURLToPath(import.meta.url), '--trial', name, '--bytes', values.bytes];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name}: ${stderr}`);
  return JSON.parse(stdout);
}

function compare(): void {
  const costs = new Map(Object.keys(variants).map((name) => [name, [] as Cost[]]));
  for (let round = 0; round < Number(values.rounds); round++)
    for (const [name, own] of costs) own.push(spawnTrial<Cost>(name));
  console.log(`requests of ${values.bytes} bytes; minimum, median, maximum of ${values.rounds} rounds`);
  for (const [name, own] of costs) {
    const of = (key: keyof Cost) => spreadOf(own.map((cost) => cost[key]));
    const { beside } = variants[name] ?? {};
    const ratios = own.map(({ cpu }, round) => cpu / (costs.get(beside ?? name)?.[round]?.cpu ?? Number.NaN));
    const against = beside === undefined ? '' : `, ${printed(spreadOf(ratios), 2)} of ${beside}`;
    console.log(`${name}: ${printed(of('cpu'), 2)} µs of CPU for each${against}`);
    const rate = of('rate').median;
    const throughput = (rate * Number(values.bytes)) / 1e6;
    console.log(
      `${name}: ${rate.toFixed(0)} requests/s, ${throughput.toFixed(0)} MB/s, ${of('heap').median.toFixed(0)} bytes of heap for each`,
    );
  }
  for (const size of sizes)
    console.log(
      `a queue of ${size} MiB is opened: the event loop stands still for ${spawnTrial<number>(`${size}`).toFixed(1)} ms at most`,
    );
}

const printed = ({ min, median, max }: ReturnType<typeof spreadOf>, digits: number) =>
  `${min.toFixed(digits)}, ${median.toFixed(digits)}, ${max.toFixed(digits)}`;

if (values.trial === undefined) compare();
else process.stdout.write(JSON.stringify(await runTrial(values.trial)));
