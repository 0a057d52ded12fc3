import { type Static, Type } from 'typebox';
import { duration } from '../../../config/duration.ts';
import { bytes, type Nanoseconds } from '../../../telemetry/units.ts';
import type { Source, SourceContext } from '../source.ts';
import { event, greeting, inspected, listing } from './docker-facts.ts';
import type { RuntimeClient } from './runtime-client.ts';
import type { RuntimePlace } from './runtime-place.ts';
import { RuntimeSource } from './runtime-source.ts';
import { endpointPath, findSocket } from './sockets.ts';
import { SourceError } from './source-error.ts';
import { UnixHttp } from './unix-http.ts';

/** Docker's API, which Podman speaks too. */
const schema = (example: string) =>
  Type.Object(
    {
      endpoint: Type.Optional(
        Type.String({
          pattern: '^(unix:(//)?)?/.+$',
          description: `Its socket on the host, such as \`unix://${example}\`; absent: looked for.`,
        }),
      ),
      timeout: duration({ default: '2s', minimum: '10ms', description: 'Time for each answer.' }),
      resync: duration({
        default: '30s',
        minimum: '1s',
        description: 'Everything is listed anew after so long; ten times as long while events come.',
      }),
    },
    { additionalProperties: false, default: {} },
  );

export const dockerConfig = schema('/run/docker.sock');
export const podmanConfig = schema('/run/podman/podman.sock');

type Config = Static<typeof dockerConfig>;

/** Over a thousand containers with long labels are about 5 MiB. */
const maxBody = bytes(32 * 2 ** 20);
const maxLine = bytes(2 ** 20);

export function openDocker(config: Config, context: SourceContext, place: RuntimePlace): Source {
  return open('docker', config, { context, place, candidates: ['/run/docker.sock'] });
}

/** The system's Podman, else the first user's whose service runs. */
export function openPodman(config: Config, context: SourceContext, place: RuntimePlace): Source {
  const candidates = ['/run/podman/podman.sock', '/run/user/*/podman/podman.sock'];
  return open('podman', config, { context, place, candidates });
}

function open(
  name: 'docker' | 'podman',
  { endpoint, timeout, resync }: Config,
  {
    context,
    place,
    candidates,
  }: { context: SourceContext; place: RuntimePlace; candidates: readonly string[] },
): Source {
  const given = endpoint === undefined ? undefined : endpointPath(endpoint);
  const paths = given === undefined ? (place.candidates ?? candidates) : [given];
  return new RuntimeSource(
    {
      name,
      resync,
      find: (isUnfit) => findSocket(paths, { rootPath: place.rootPath, isUnfit }),
      connect: (socketPath) =>
        connectDocker({ socketPath, timeout, ...(given === undefined && { expected: name }) }),
    },
    context,
  );
}

interface DockerOptions {
  readonly socketPath: string;
  readonly timeout: Nanoseconds;
  /** Podman may answer at Docker's socket too; there it is for the source `podman` to ask. */
  readonly expected?: 'docker' | 'podman';
}

function connectDocker({ socketPath, timeout, expected }: DockerOptions): RuntimeClient {
  const http = new UnixHttp({ socketPath, timeout, maxBody, maxLine });
  let runtime = 'docker';
  return {
    async greet() {
      const { isPodman, ...hello } = greeting(await http.getJson('/version'));
      runtime = isPodman ? 'podman' : 'docker';
      if (expected !== undefined && expected !== runtime)
        throw new SourceError('unimplemented', `${runtime} answers there`);
      return hello;
    },
    list: async () => listing(await http.getJson('/containers/json?all=1'), runtime),
    async look(id) {
      try {
        return inspected(await http.getJson(`/containers/${encodeURIComponent(id)}/json`), runtime);
      } catch (error) {
        if (error instanceof SourceError && error.reason === 'gone') return undefined;
        throw error;
      }
    },
    follow: (tell) =>
      http.followJson(`/events?filters=${encodeURIComponent('{"type":["container"]}')}`, (line) => {
        const told = event(line);
        if (told) tell(told);
      }),
    close: () => http.close(),
  };
}
