import { RequestError } from '../../../net/request-error.ts';
import { UnixHttp } from '../../../net/unix-http.ts';
import { bytes, type Nanoseconds } from '../../../telemetry/units.ts';
import type { RuntimeClient } from '../client.ts';
import { event, inspected, listing, runtimeInfo } from './facts.ts';

/** Over a thousand containers with long labels are about 5 MiB. */
const maxBody = bytes(32 * 2 ** 20);
const maxLine = bytes(2 ** 20);
const events = `/events?filters=${encodeURIComponent('{"type":["container"]}')}`;

export interface DockerOptions {
  readonly socketPath: string;
  /** For each answer. */
  readonly timeout: Nanoseconds;
  /** Podman may answer at Docker's socket too; there it is for the source `podman` to ask. */
  readonly expected?: 'docker' | 'podman';
}

/** Docker's API, without a version in its paths: the daemon's newest. */
export function connectDocker({ socketPath, timeout, expected }: DockerOptions): RuntimeClient {
  const http = new UnixHttp({ socketPath, timeout, maxBody, maxLine });
  let runtime = 'docker';
  return {
    async handshake() {
      const { isPodman, ...hello } = runtimeInfo(await http.getJson('/version'));
      runtime = isPodman ? 'podman' : 'docker';
      if (expected !== undefined && expected !== runtime)
        throw new RequestError('unimplemented', `${runtime} answers there`);
      return hello;
    },
    list: async () => listing(await http.getJson('/containers/json?all=1'), runtime),
    async inspect(id) {
      try {
        return inspected(await http.getJson(`/containers/${encodeURIComponent(id)}/json`), runtime);
      } catch (error) {
        if (error instanceof RequestError && error.reason === 'not_found') return undefined;
        throw error;
      }
    },
    follow: (emit) =>
      http.followJson(events, (line) => {
        const runtimeEvent = event(line);
        if (runtimeEvent) emit(runtimeEvent);
      }),
    close: () => http.close(),
  };
}
