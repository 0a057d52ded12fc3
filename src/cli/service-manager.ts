import type { Timer, TimerClock } from '../machine/clock.ts';
import { messageOf, type Trouble } from '../telemetry/health.ts';
import { type Nanoseconds, nanoseconds, seconds } from '../telemetry/units.ts';

/** What systemd gives a service (`Type=notify`, `WatchdogSec=`), in the environment. */
export interface ServiceEnvironment {
  readonly NOTIFY_SOCKET?: string | undefined;
  readonly WATCHDOG_USEC?: string | undefined;
  readonly WATCHDOG_PID?: string | undefined;
}

export interface Watched {
  collectingFor(): Nanoseconds;
  readonly health: { readonly list: readonly Trouble[] };
}

/** The service manager that started the agent. Without one nothing happens. */
export interface ServiceManager {
  /** From now on its status is told, and the watchdog kept from ending the agent while it makes progress. */
  ready(agent: Watched): void;
  reloading(): void;
  reloaded(): void;
  stopping(): void;
}

interface Context {
  readonly environment: ServiceEnvironment;
  readonly clock: TimerClock;
  readonly pid: number;
  /** One datagram to a socket. */
  send(path: string, message: string): void;
  /** Once, where the first message cannot be sent. */
  onFailure(reason: string): void;
}

/** How often the status is told where there is no watchdog. */
const statusEvery = seconds(10);

export function serviceManager({ environment, clock, pid, send, onFailure }: Context): ServiceManager {
  const { NOTIFY_SOCKET: path = '' } = environment;
  const watchdog = path === '' ? undefined : watchdogOf(environment, pid);
  const every = watchdog === undefined ? statusEvery : nanoseconds(Math.min(statusEvery, watchdog / 2));
  let hasFailed = false;
  let timer: Timer | undefined;
  let lastStatus = '';

  function tell(...lines: readonly string[]): void {
    if (path === '' || lines.length === 0) return;
    try {
      send(path, lines.join('\n'));
    } catch (error) {
      if (!hasFailed) onFailure(messageOf(error));
      hasFailed = true;
    }
  }

  /** A status only where it has changed. */
  function status(agent: Watched): readonly string[] {
    const next = statusOf(agent.health.list);
    if (next === lastStatus) return [];
    lastStatus = next;
    return [`STATUS=${next}`];
  }

  function beat(agent: Watched): void {
    // This timer shows that the event loop runs; that no collection hangs shows that the receivers do.
    const makesProgress = watchdog !== undefined && agent.collectingFor() < watchdog;
    tell(...status(agent), ...(makesProgress ? ['WATCHDOG=1'] : []));
    timer = clock.setTimer(every, () => beat(agent));
  }

  return {
    ready(agent) {
      tell('READY=1', ...status(agent));
      if (path !== '') beat(agent);
    },
    reloading: () => tell('RELOADING=1', `MONOTONIC_USEC=${clock.monotonic() / 1000n}`),
    reloaded: () => tell('READY=1'),
    stopping() {
      timer?.cancel();
      tell('STOPPING=1', 'STATUS=Delivering what is queued.');
    },
  };
}

/** Undefined: there is none, or it is meant for another process. */
function watchdogOf({ WATCHDOG_USEC, WATCHDOG_PID }: ServiceEnvironment, pid: number) {
  const microseconds = Number(WATCHDOG_USEC);
  if (!(microseconds > 0) || (WATCHDOG_PID !== undefined && Number(WATCHDOG_PID) !== pid)) return undefined;
  return nanoseconds(microseconds * 1000);
}

/** One line of at most some hundred bytes. */
function statusOf(troubles: readonly Trouble[]): string {
  const [first] = troubles;
  if (first === undefined) return 'Running.';
  const more = troubles.length > 1 ? `, and ${troubles.length - 1} more` : '';
  const reason = first.reason.slice(0, 200).replaceAll(/\s+/g, ' ');
  return `Unhealthy: ${first.subject.kind} ${first.subject.id}: ${reason}${more}`;
}
