import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import type { Source, SourceContext } from '../../../src/identity/source.ts';
import { createCounters } from '../../../src/telemetry/counters.ts';
import { nanoseconds } from '../../../src/telemetry/units.ts';
import { memoryFacts } from './memory-facts.ts';

/** A context whose clock only the test moves, and what the source did with it. */
export function sourceFixture() {
  let now = 0;
  const logged: { readonly level: number; readonly msg: string }[] = [];
  const facts = memoryFacts();
  const counters = createCounters();
  const context: SourceContext = {
    log: pino({ level: 'debug' }, { write: (line: string) => void logged.push(JSON.parse(line)) }),
    counters,
    facts,
    elapsed: () => nanoseconds(now),
    random: () => 0,
  };
  return {
    context,
    facts,
    /** Warnings and worse. */
    warnings: () => logged.filter(({ level }) => level >= 40).map(({ msg }) => msg),
    count: (name: string, reason?: string) =>
      counters
        .read()
        .filter(
          (counter) => counter.metric.name === name && (!reason || counter.attributes.reason === reason),
        )
        .reduce((sum, { value }) => sum + value, 0),
    advance(seconds: number) {
      now += seconds * 1e9;
    },
  };
}

/** Lets the source work on real sockets until the condition holds; its clock stands still meanwhile. */
export async function until(source: Source, holds: () => boolean): Promise<void> {
  for (const end = performance.now() + 10_000; performance.now() < end; ) {
    source.tick();
    if (holds()) return;
    await sleep(1);
  }
  throw new Error(`what is waited for did not happen: ${source.name} is ${source.state} (${source.reason})`);
}

/** A folder whose path is short enough for a socket; removed after the test. */
export function socketFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
