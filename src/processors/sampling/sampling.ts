import type { Host, Processor, ProcessorComponent } from '../../component.ts';
import { findingEventName } from '../../telemetry/attributes/finding.ts';
import { type Batch, bySignal } from '../../telemetry/batch.ts';
import { type SamplingConfig, samplingConfig, samplingProblems } from './config.ts';
import { samplingEmits } from './emits.ts';
import { findings as findingsRef } from './findings.ts';
import { logKind, spanKind } from './kinds.ts';
import { createSampler } from './sampler.ts';

/** Thins waits without bias; docs/SAMPLING.md has the modes, what is exact and what the error is. */
export const sampling: ProcessorComponent<typeof samplingConfig> = {
  kind: 'processor',
  type: 'sampling',
  summary: 'Thins single waits and spans; the weight of what it drops is carried by what it keeps.',
  stability: { metrics: 'beta', logs: 'beta', traces: 'alpha', profiles: 'development' },
  config: samplingConfig,
  emits: samplingEmits,
  check: samplingProblems,
  open: openSampling,
};

async function openSampling(config: SamplingConfig, host: Host): Promise<Processor> {
  const findings = config.tail?.under_finding ? await host.use(findingsRef) : undefined;
  const options = { config, host, findings };
  const logs = createSampler(logKind, {
    ...options,
    onOther(record) {
      if (record.eventName === findingEventName) findings?.observe(record);
    },
  });
  const traces = createSampler(spanKind, options);
  const used = [...(host.signals.has('logs') ? [logs] : []), ...(host.signals.has('traces') ? [traces] : [])];
  return {
    pulls: used.flatMap(({ pulls = [] }) => pulls),
    process: (batch) => bySignal<Batch>(batch, { logs: logs.process, traces: traces.process }) ?? batch,
    flush: () => used.flatMap((sampler) => sampler.flush?.() ?? []),
    async close() {
      for (const sampler of used) await sampler.close();
    },
  };
}
