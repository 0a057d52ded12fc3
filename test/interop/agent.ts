import type { Component, ReceiverComponent } from '../../src/component.ts';
import { components as shipped } from '../../src/components.ts';
import { loadConfig } from '../../src/config/load.ts';
import { Type } from '../../src/config/schema/type.ts';
import { systemClock } from '../../src/machine/clock.ts';
import { createAgent } from '../../src/runtime/agent.ts';
import type { Batch, Signal } from '../../src/telemetry/batch.ts';
import { milliseconds } from '../../src/telemetry/units.ts';
import { fakeWorld } from '../unit/runtime/fake-world.ts';

interface AgentOptions {
  /** Is asked each 50 ms; no batches: there is nothing now. */
  collect(signals: ReadonlySet<Signal>): readonly Batch[];
  /** YAML below `receivers`, of which `source` is there. */
  readonly configuration: string;
}

/** The agent's own runtime and exporters on the real clock, with what a test makes instead of the kernel's data. */
export async function startAgent({ collect, configuration }: AgentOptions) {
  const source: ReceiverComponent = {
    ...{ kind: 'receiver', type: 'source', summary: '', config: Type.Object({}) },
    stability: { metrics: 'beta', logs: 'beta', traces: 'beta' },
    async open(_, { signals }) {
      const pull = { name: 'items', every: milliseconds(50), collect: () => collect(signals) };
      return { pulls: [pull], async close() {} };
    },
  };
  const components: readonly Component[] = [source, ...shipped];
  const text = `receivers: {source: }\n${configuration}`;
  const load = () =>
    loadConfig({ files: ['interop.yaml'], sets: [], environment: {}, readFile: () => text }, components);
  const world = fakeWorld();
  const agent = createAgent({ ...world, clock: systemClock }, { load, applyTelemetry: async () => {} });
  await agent.apply(load());
  return { ...world, stop: () => agent.stop() };
}
