import type { AgentHealth, GraphView } from '../../component.ts';
import { printDuration } from '../../config/schema/duration.ts';
import { reasonsOf, type Trouble } from '../../telemetry/health.ts';
import { nanoseconds, type UnixNanoseconds } from '../../telemetry/units.ts';

export interface HealthReport {
  readonly isHealthy: boolean;
  readonly body: HealthBody;
}

/** The Collector's keys, and with them each component. */
interface HealthBody {
  readonly status: string;
  readonly upSince: string;
  readonly uptime: string;
  readonly components: Readonly<Record<string, ComponentStatus>>;
}

interface ComponentStatus {
  readonly status: 'StatusStarting' | 'StatusOK' | 'StatusRecoverableError' | 'StatusStopping';
  /** Why it is unhealthy, each part of it. */
  readonly error?: string;
}

/** The zero of Go's time, which the Collector shows while it is not available. */
const never = '0001-01-01T00:00:00Z';

const statusOf = { starting: 'StatusStarting', ready: 'StatusOK', stopping: 'StatusStopping' } as const;

/**
 * Healthy: the agent is ready, and nothing that data pass is in trouble. A service in trouble (a source of names that does not
 * answer) is shown and makes nothing unavailable.
 */
export function healthReport(health: AgentHealth, { nodes }: GraphView, now: UnixNanoseconds): HealthReport {
  const { phase, since, troubles } = health;
  const nodeOf = ({ subject: { kind, id, pipeline } }: Trouble) =>
    nodes.find((node) => node.kind === kind && node.id === id && node.pipeline === pipeline)?.key;
  const byKey = Map.groupBy(
    troubles,
    (trouble) => nodeOf(trouble) ?? `${trouble.subject.kind} ${trouble.subject.id}`,
  );
  const keys = new Set([...nodes.map(({ key }) => key), ...byKey.keys()]);
  const components = [...keys].map((key): [string, ComponentStatus] => {
    const ofIt = byKey.get(key);
    return [
      key,
      ofIt ? { status: 'StatusRecoverableError', error: reasonsOf(ofIt) } : { status: statusOf[phase] },
    ];
  });
  const isHealthy = phase === 'ready' && !troubles.some(isOnTheWay);
  return {
    isHealthy,
    body: {
      status: isHealthy ? 'Server available' : 'Server not available',
      upSince: isHealthy ? new Date(Number(since / 1_000_000n)).toISOString() : never,
      uptime: isHealthy ? printDuration(nanoseconds(Math.max(0, Number(now - since)))) : '',
      components: Object.fromEntries(components),
    },
  };
}

const isOnTheWay = ({ subject: { kind } }: Trouble) => kind !== 'service' && kind !== 'extension';
