import type { Signal } from '../../telemetry/batch.ts';

export interface Endpoints {
  readonly endpoint?: string;
  readonly metrics_endpoint?: string;
  readonly logs_endpoint?: string;
  readonly traces_endpoint?: string;
}

/** The URL for a signal; undefined: none is configured. */
export function endpointOf(endpoints: Endpoints, signal: Signal, path: string): URL | undefined {
  const whole = signal === 'profiles' ? undefined : endpoints[`${signal}_endpoint`];
  if (whole !== undefined) return new URL(whole);
  if (endpoints.endpoint === undefined) return undefined;
  const base = new URL(endpoints.endpoint);
  base.pathname = `${base.pathname.replace(/\/$/, '')}${path}`;
  return base;
}

/** Without its query, in which some vendors have a key. */
export const printableUrl = ({ origin, pathname }: URL) => `${origin}${pathname}`;
