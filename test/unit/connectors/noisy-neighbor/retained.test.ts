import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explanations } from '../../../../src/explanations/explanations.ts';
import { seconds } from '../../../../src/telemetry/units.ts';
import { connector } from './connector.ts';
import { type Blamed, hurtBy } from './windows.ts';

/** A workload that waits behind some of six culprits, others in each window; times that doubles add exactly. */
function hurtIn(window: number, workload: number) {
  const blame: Blamed[] = Array.from({ length: 6 }, (_, culprit) => culprit)
    .filter((culprit) => (window + workload + culprit) % 3 > 0)
    .map((culprit) => ({
      ...{ cause: culprit % 2 ? 'neighbor' : 'system', culprit: `c${culprit}` },
      ...{ time: (1 + culprit) / 8, excess: culprit % 2 ? culprit / 16 : 0 },
    }));
  const of = (cause: string) =>
    blame.reduce((sum, part) => (part.cause === cause ? sum + part.time : sum), 0);
  return hurtBy('', { blame, waits: { neighbor: of('neighbor'), system: of('system') } });
}

test('windows in which workloads come, go and change places add up to what each of them waited for', async (t) => {
  const { windows, host } = await connector(t);
  const service = await host.use(explanations);
  service.listen();
  const expected = Array.from({ length: 5 }, () => new Map<string, { time: number; excess: number }>());
  for (let window = 0; window < 60; window++) {
    const there = [0, 1, 2, 3, 4].filter((workload) => (window >> workload) % 2 === 0);
    const inOrder = window % 2 ? there : there.toReversed();
    windows(Object.fromEntries(inOrder.map((workload) => [`w${workload}`, hurtIn(window, workload)])));
    for (const workload of there)
      for (const { culprit, time, excess = 0 } of hurtIn(window, workload).blame ?? []) {
        const sum = expected[workload]?.get(culprit ?? '') ?? { time: 0, excess: 0 };
        expected[workload]?.set(culprit ?? '', { time: sum.time + time, excess: sum.excess + excess });
      }
  }
  for (const [workload, culprits] of expected.entries()) {
    const reply = service.ask(`w${workload}`, seconds(3600));
    assert.ok(reply.kind === 'answer', reply.kind);
    const { wait, culprits: told } = reply.answer;
    assert.deepEqual(
      told.map((of) => [of.name, of.seconds, of.excess * wait.seconds]).sort(),
      [...culprits].map(([name, { time, excess }]) => [name, time, excess]).sort(),
    );
  }
});
