import type { Attributes } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { Logger } from 'pino';
import type { BpfHost } from '../bpf/bpf.ts';
import type { TimerClock } from '../machine/clock.ts';
import type { Machine } from '../machine/machine.ts';
import type { Counters } from '../telemetry/counters.ts';

/** Everything outside of the agent that it acts on. */
export interface World {
  readonly log: Logger;
  readonly counters: Counters;
  readonly bpf: BpfHost;
  readonly clock: TimerClock;
  readonly machine: Machine;
  readonly ownResource: Resource;
  /** For all resources of receivers that lack them. */
  readonly dataAttributes: Attributes;
  /** `service::host` of the configuration: all that services bring keys for. */
  readonly hostSettings: Readonly<Record<string, unknown>>;
}
