import { isDeepStrictEqual } from 'node:util';
import type { Applied } from '../component.ts';
import type { Config } from '../config/config.ts';
import { sentenceOf } from '../config/config-error.ts';
import { Health, messageOf } from '../telemetry/health.ts';
import { type Nanoseconds, nanoseconds } from '../telemetry/units.ts';
import { GraphRunner } from './graph-runner.ts';
import { introspectionFor, type Phase } from './introspection.ts';
import { createLossLog } from './loss-log.ts';
import { planGraph } from './plan-graph.ts';
import { logRefusal } from './refusal.ts';
import { RestartRequiredError } from './restart-required-error.ts';
import { Taps } from './taps.ts';
import type { World } from './world.ts';

export interface Agent {
  readonly health: Health;
  /** Whether it exports to standard output only. */
  readonly printsOnly: boolean;
  /** The first one starts the agent. Rejects where it cannot; what ran before goes on then. */
  apply(config: Config): Promise<Applied>;
  /** Reads the configuration again, and applies it; where it cannot, it logs why and rejects. */
  reload(): Promise<Applied>;
  /** How long the longest collection is under way: beyond its interval something of the agent hangs. */
  collectingFor(): Nanoseconds;
  /** Collects a last time, delivers what is queued within the deadline, closes everything. Never throws. */
  stop(): Promise<void>;
}

export interface AgentMeans {
  /** Reads the configuration, as often as it is to be applied again. */
  load(): Config | Promise<Config>;
  /** Gives the agent's own telemetry these settings. Rejects where it cannot; the former stay in place then. */
  applyTelemetry(settings: Config['telemetry']): Promise<void>;
}

/** An agent that runs nothing yet. */
export function createAgent(world: World, { load, applyTelemetry }: AgentMeans): Agent {
  const { log, clock } = world;
  const health = new Health(log);
  const taps = new Taps();
  const lossLog = createLossLog(world);
  let config: Config | undefined;
  let phase: Phase = { phase: 'starting', since: clock.now() };
  /** One change after another. */
  let turn: Promise<unknown> = Promise.resolve();
  let stopped: Promise<void> | undefined;

  const runner: GraphRunner = new GraphRunner({
    ...{ world, health, taps },
    introspectionFor: (subject) =>
      introspectionFor(subject, () => {
        if (config === undefined) throw new Error('the agent has no configuration yet');
        return { phase, health, taps, graph: runner.graph, config, reload };
      }),
  });

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (stopped) return Promise.reject(new Error('cannot apply a configuration: the agent is stopping'));
    const result = turn.then(work);
    turn = result.catch(() => {}); // for its caller
    return result;
  }

  async function apply(next: Config): Promise<Applied> {
    const isStart = runner.graph.plan === undefined;
    const before = config;
    if (before && !isStart) refuseFixed(before, next);
    if (isStart) {
      log.info('Starting extensions...');
      config = next;
    }
    const applied = await change(before, next);
    config = next;
    if (isStart) {
      phase = { phase: 'ready', since: clock.now() };
      lossLog.start();
      log.info('Everything is ready. Begin running and processing data.');
    } else log.info({ ...applied, kept: applied.kept.length }, 'Configuration applied.');
    return applied;
  }

  async function change(before: Config | undefined, next: Config): Promise<Applied> {
    const plan = planGraph(next);
    try {
      await applyTelemetry(next.telemetry);
      const applied = await runner.change(plan);
      const telemetry = before ? changedKeys(before.telemetry, next.telemetry) : [];
      const reconfigured = telemetry.map((key) => `service::telemetry::${key}`);
      return { ...applied, reconfigured: [...applied.reconfigured, ...reconfigured] };
    } catch (error) {
      if (before) await restore(before.telemetry);
      throw error;
    }
  }

  async function restore(settings: Config['telemetry']): Promise<void> {
    try {
      await applyTelemetry(settings);
    } catch (error) {
      log.error({ error: messageOf(error) }, 'Own telemetry does not take its former settings back.');
    }
  }

  async function reload(): Promise<Applied> {
    try {
      return await inTurn(async () => {
        const next = await load();
        for (const warning of next.warnings) log.warn(sentenceOf(warning));
        return apply(next);
      });
    } catch (error) {
      logRefusal(log, error);
      throw error;
    }
  }

  async function shutDown(): Promise<void> {
    log.info('Starting shutdown...');
    await runner.stop();
    await lossLog.stop();
    log.info('Shutdown complete.');
  }

  return {
    health,
    get printsOnly() {
      const components = runner.graph.instances.map(({ plan }) => plan.configured.component);
      const exporters = components.filter(({ kind }) => kind === 'exporter');
      return exporters.length > 0 && exporters.every((component) => 'prints' in component);
    },
    apply: (next) => inTurn(() => apply(next)),
    reload,
    collectingFor() {
      const now = clock.elapsed();
      return nanoseconds(
        Math.max(0, ...runner.graph.instances.map(({ collectingSince = now }) => now - collectingSince)),
      );
    },
    stop() {
      if (!stopped) phase = { phase: 'stopping', since: clock.now() };
      stopped ??= inTurn(shutDown);
      return stopped;
    },
  };
}

/** The world of the agent was made from them. */
function refuseFixed(before: Config, next: Config): void {
  const [resource, nextResource] = [before.telemetry.resource, next.telemetry.resource];
  const changed = [
    ...changedKeys(before.host, next.host).map((key) => `service::host::${key}`),
    ...changedKeys(resource, nextResource).map((key) => `service::telemetry::resource::${key}`),
  ];
  if (changed.length > 0) throw new RestartRequiredError(changed);
}

type Settings = Readonly<Record<string, unknown>>;

const changedKeys = (before: Settings, after: Settings): readonly string[] =>
  Object.keys({ ...before, ...after }).filter((key) => !isDeepStrictEqual(before[key], after[key]));
