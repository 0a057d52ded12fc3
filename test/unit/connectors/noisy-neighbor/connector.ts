import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { components } from '../../../../src/components.ts';
import { loadConfig } from '../../../../src/config/load.ts';
import { noisyNeighborEmits } from '../../../../src/connectors/noisy-neighbor/emits.ts';
import { noisyNeighbor } from '../../../../src/connectors/noisy-neighbor/noisy-neighbor.ts';
import { schedulerCounters } from '../../../../src/receivers/scheduler/emits.ts';
import type { Store } from '../../../../src/store.ts';
import { findingAttributes } from '../../../../src/telemetry/attributes/finding.ts';
import type { MetricsBatch } from '../../../../src/telemetry/metrics/metrics.ts';
import { fakeHost } from '../../fake-host.ts';
import { type Doing, windowBatch } from './windows.ts';

/** The settings with defaults, as the loader makes them. */
export function settings(body: object = {}) {
  const text = JSON.stringify({
    receivers: { agent: {} },
    connectors: { noisy_neighbor: body },
    exporters: { debug: {} },
    extensions: { file_storage: {} },
    service: {
      extensions: ['file_storage'],
      pipelines: {
        metrics: { receivers: ['agent'], exporters: ['noisy_neighbor'] },
        logs: { receivers: ['noisy_neighbor'], exporters: ['debug'] },
      },
    },
  });
  const config = loadConfig({ files: ['test'], sets: [], environment: {}, readFile: () => text }, components);
  // the loader has checked it by the component's own schema
  return config.connectors.get('noisy_neighbor')?.config as Parameters<typeof noisyNeighbor.open>[0];
}

export interface ConnectorOptions {
  /** What it saves in, where its settings have a storage. */
  readonly store?: Store;
  /** Number of its first window. */
  readonly first?: number;
}

/** The connector, fed with windows one after the other. */
export async function connector(
  t: TestContext,
  body: object = {},
  { store, first = 0 }: ConnectorOptions = {},
) {
  const { host: without, logged } = fakeHost('noisy_neighbor', {
    counters: [...(noisyNeighborEmits.counters ?? []), schedulerCounters.kernelDropped],
  });
  const host = { ...without, ...(store && { openStore: async () => store }) };
  const opened = await noisyNeighbor.open(settings(body), host);
  t.after(() => opened.close());
  let n = first;
  const give = (batch: MetricsBatch) => {
    const batches = opened.connect(batch);
    const records = batches.flatMap((of) => (of.signal === 'logs' ? of.records : []));
    return { batches, records };
  };
  return {
    host,
    logged,
    /** As the runtime does. */
    async close(): Promise<void> {
      await opened.save?.();
      await opened.close();
    },
    abandon: () => opened.close(),
    /** Runs its task. */
    save: async () => opened.tasks?.[0]?.run(new AbortController().signal),
    /** Findings of so many windows of the same content. */
    windows(workloads: Readonly<Record<string, Doing>>, count = 1): readonly ReadableLogRecord[] {
      return Array.from({ length: count }, () => give(windowBatch(n++, workloads)).records).flat();
    },
    give,
    get passed() {
      return n;
    },
  };
}

/** State, verdict, culprit and severity of records. */
export const brief = (records: readonly ReadableLogRecord[]) =>
  records.map(({ attributes, severityText, resource }) =>
    [
      attributes[findingAttributes.state.key],
      severityText,
      resource.attributes['earshot.workload.name'],
      attributes[findingAttributes.verdict.key],
      attributes['earshot.culprit.name'] ?? '-',
    ].join(' '),
  );

export const only = <T>(all: readonly T[]): T => {
  assert.equal(all.length, 1);
  return all[0] as T; // just counted
};
