import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Agent, startAgent } from '../agent.ts';

const recording = fileURLToPath(new URL('../../../config/recording.jsonl.gz', import.meta.url));

const config = (directory: string) => `
receivers: {replay: {file: ${recording}, interval: 500ms}}
processors: {contention: }
connectors: {noisy_neighbor: {storage: file_storage, cool_down: 2s, severities: [{severity: WARN, score: 20}]}}
extensions: {file_storage: {directory: ${directory}}}
exporters: {debug: {verbosity: detailed}}
service:
  extensions: [file_storage]
  pipelines:
    metrics: {receivers: [replay], processors: [contention], exporters: [noisy_neighbor]}
    logs: {receivers: [noisy_neighbor], exporters: [debug]}
`;

/** Ids of findings with their states, in order. */
const reported = (agent: Agent) =>
  [...agent.output().matchAll(/earshot\.finding\.id: (\w+)\s+earshot\.finding\.state: (\w+)/g)].map(
    ([, id, state]) => ({ id, state }),
  );
async function until(agent: Agent, isThere: () => boolean): Promise<void> {
  while (!isThere()) await once(agent.process.stdout ?? assert.fail('it has no output'), 'data');
}

test('after kill -9 an agent goes on with the findings that it had', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'earshot-state-'));
  const agents: Agent[] = [];
  t.after(async () => {
    for (const agent of agents) await agent.stop('SIGKILL');
    rmSync(directory, { recursive: true });
  });
  const start = () => {
    const agent = startAgent(config(directory));
    agents.push(agent);
    return agent;
  };
  const idsOf = (agent: Agent, state: string) =>
    reported(agent).flatMap((of) => (of.state === state ? [of.id] : []));
  const killed = start();
  // repeated two seconds after its begin, which is saved within one
  await until(killed, () => idsOf(killed, 'repeat').length > 0);
  const open = idsOf(killed, 'repeat').filter((id) => !idsOf(killed, 'end').includes(id));
  assert.ok(open.length > 0);
  await killed.stop('SIGKILL');
  const after = start();
  await until(after, () => reported(after).some(({ id }) => open.includes(id)));
  for (const id of open) assert.notEqual(reported(after).find((of) => of.id === id)?.state, 'begin', id);
  assert.equal(await after.stop(), 0);
  assert.doesNotMatch(killed.errors() + after.errors(), /ExperimentalWarning|cannot|error/i);
});
