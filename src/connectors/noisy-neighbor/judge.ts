import type { Attributes } from '@opentelemetry/api';
import type { Connector, Host } from '../../component.ts';
import { type Explanations, explanations } from '../../explanations/explanations.ts';
import type { Store } from '../../store.ts';
import { type Batch, bySignal } from '../../telemetry/batch.ts';
import { gauge, type Point, resourceMetrics } from '../../telemetry/metrics/build.ts';
import type { MetricsBatch } from '../../telemetry/metrics/metrics.ts';
import type { NoisyNeighborConfig } from './config.ts';
import { type Diagnosis, diagnose } from './diagnose.ts';
import { findingCounters, scoreMetric, scorePart } from './emits.ts';
import { explainerOf } from './explainer.ts';
import { type Change, Findings } from './findings.ts';
import { Histories } from './histories.ts';
import { Losses } from './losses.ts';
import { Quotas } from './quotas.ts';
import { recordOf } from './report.ts';
import { Retained } from './retained.ts';
import { SavedState } from './saved-state.ts';
import { type Scores, scoresOf } from './score.ts';
import { type Observation, type Window, windowOf } from './window.ts';

export async function openJudge(config: NoisyNeighborConfig, host: Host): Promise<Connector> {
  const service = await host.use(explanations);
  const store = config.storage === undefined ? undefined : await host.openStore(config.storage);
  const { judge, explainer, saved, forget } = judgeOf(config, host, { asked: service, store });
  await saved?.restore();
  const withdraw = service.provide(explainer);
  return {
    ...(saved && { tasks: [saved.task], save: () => saved.save() }),
    connect: (batch) => bySignal<readonly Batch[]>(batch, { metrics: judge }) ?? [],
    async close() {
      withdraw();
      forget();
      await saved?.close();
    },
  };
}

interface Surroundings {
  readonly asked: Pick<Explanations, 'isListening'>;
  readonly store: Store | undefined;
}

/** Each batch with metrics of waiting is a window. */
function judgeOf(config: NoisyNeighborConfig, host: Host, { asked, store }: Surroundings) {
  const evicted = (reason: string) => () =>
    host.counters.add(findingCounters.evicted, 1, { connector: host.id, reason });
  const losses = new Losses(host.counters);
  const findings = new Findings(config, evicted('candidate'));
  const countEvicted = evicted('history');
  const histories = new Histories(config, (key) => {
    countEvicted();
    saved?.evicted(key);
  });
  const saved = store && new SavedState(store, { findings, histories, host });
  const quotas = new Quotas();
  const retained = new Retained(config.max_retained, (count) =>
    host.counters.add(findingCounters.forgotten, count, { connector: host.id }),
  );
  let active = 0;
  return { judge, explainer: explainerOf({ config, retained, findings, histories }), saved, forget };

  function judge(batch: MetricsBatch): readonly Batch[] {
    const window = windowOf(batch);
    if (!window) {
      quotas.take(batch);
      return [];
    }
    const lost = losses.take(window.workloads.reduce((sum, { waits }) => sum + waits, 0));
    const culprits = findings.culprits();
    const diagnosed = window.workloads.map((victim) => ({
      victim,
      diagnoses: diagnose(victim, window, {
        config,
        losses: lost,
        named: culprits.get(victim.key) ?? none,
      }),
    }));
    const changes = findings.take(
      diagnosed.flatMap(({ diagnoses }) => diagnoses),
      window,
    );
    const records = changes.map((change) => recordOf(change, evidenceOf(change, window)));
    histories.add(window, findings.victims());
    saved?.changed(window, changes);
    host.counters.add(findingCounters.active, findings.active - active, { connector: host.id });
    active = findings.active;
    if (asked.isListening) retain(window, { judged: diagnosed, losses: lost });
    else discard();
    const emits: Batch[] = [];
    if (host.signals.has('metrics')) emits.push(scores(diagnosed, window));
    if (host.signals.has('logs') && records.length > 0) emits.push({ signal: 'logs', records });
    return emits;
  }

  function retain(window: Window, of: Pick<Parameters<Retained['add']>[1], 'judged' | 'losses'>): void {
    const before = retained.size;
    retained.add(window, { ...of, quotaOf: (cgroup) => quotas.get(cgroup) });
    host.counters.add(findingCounters.retained, retained.size - before, { connector: host.id });
  }

  function discard(): void {
    if (retained.size === 0) return;
    host.counters.add(findingCounters.retained, -retained.size, { connector: host.id });
    retained.clear();
  }

  function forget(): void {
    discard();
    host.counters.add(findingCounters.active, -active, { connector: host.id });
    active = 0;
  }

  function evidenceOf({ finding }: Change, window: Window) {
    const { key } = finding.diagnosis.victim;
    return {
      ...{ window, observed: host.clock.now(), quotaOf: (cgroup: string) => quotas.get(cgroup) },
      baseline: histories.baseline(key, window.end),
      trend: histories.trend(key),
    };
  }

  function scores(
    diagnosed: readonly { readonly victim: Observation; readonly diagnoses: readonly Diagnosis[] }[],
    window: Window,
  ): MetricsBatch {
    return {
      signal: 'metrics',
      resourceMetrics: diagnosed.map(({ victim, diagnoses }) => {
        const [main] = diagnoses;
        const values = scoresOf(victim, window.seconds, config.score);
        const points: readonly Point[] = (main ? allAttributes : scoreAttributes).map(
          ([part, attributes]) => ({
            value: part === 'confidence' ? (main?.confidence.value ?? 0) : values[part],
            attributes,
          }),
        );
        return resourceMetrics(victim.resource, [gauge(scoreMetric, window, points)]);
      }),
    };
  }
}

const none: ReadonlySet<string> = new Set();

const scoreParts = ['latency', 'preemption', 'throttling', 'resource', 'overall'] as const;
const pointAttributes = (part: keyof Scores | 'confidence'): Attributes => ({ [scorePart.key]: part });
const scoreAttributes = scoreParts.map((part) => [part, pointAttributes(part)] as const);
const allAttributes = [...scoreAttributes, ['confidence', pointAttributes('confidence')] as const];
