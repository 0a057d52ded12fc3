import type { Static } from 'typebox';
import { duration } from '../../config/schema/duration.ts';
import { Type } from '../../config/schema/type.ts';
import type { RuntimePlace } from './place.ts';
import { findSocket, type Socket } from './sockets.ts';

/** The same keys for every container runtime. */
export const runtimeConfig = ({ example }: { readonly example: string }) =>
  Type.Object(
    {
      endpoint: Type.Optional(
        Type.String({
          pattern: '^(unix:(//)?)?/.+$',
          description: `Its socket on the host, such as \`unix://${example}\`; absent: searched.`,
        }),
      ),
      timeout: duration({ default: '2s', minimum: '10ms', description: 'Time for each answer.' }),
      resync: duration({
        default: '30s',
        minimum: '1s',
        description: 'Time between complete lists; ten times as long while the runtime reports events.',
      }),
    },
    { additionalProperties: false, default: {} },
  );

export type RuntimeConfig = Static<ReturnType<typeof runtimeConfig>>;

/** Searches the configured endpoint, else the usual sockets. */
export function socketFinder(
  { endpoint }: RuntimeConfig,
  { place, usual }: { readonly place: RuntimePlace; readonly usual: readonly string[] },
): (isUnfit: (socket: Socket) => boolean) => Socket | undefined {
  const paths =
    endpoint === undefined ? (place.candidates ?? usual) : [endpoint.replace(/^unix:(\/\/)?/, '')];
  return (isUnfit) => findSocket(paths, { rootPath: place.rootPath, isUnfit });
}
