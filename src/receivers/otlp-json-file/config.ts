import type { Static } from 'typebox';
import { duration } from '../../config/schema/duration.ts';
import { storageId } from '../../config/schema/storage-id.ts';
import { Type } from '../../config/schema/type.ts';

const patterns = (description: string, more: object) =>
  Type.Array(Type.String({ minLength: 1 }), { description, ...more });

export const jsonFileConfig = Type.Object(
  {
    include: patterns('Files to read, as paths or with `*`, `?`, `**`, `[…]`, `{…}`.', { minItems: 1 }),
    exclude: patterns('Files of these to leave alone.', { default: [] }),
    start_at: Type.Enum(['beginning', 'end'], {
      default: 'end',
      description:
        'Where to begin in a file that is there at the start and not known from a storage; in later ones, at the beginning.',
    }),
    poll_interval: duration({
      default: '200ms',
      minimum: '10ms',
      description: 'Files are looked for, and read, so often.',
    }),
    max_log_size: Type.Integer({
      default: 1024 * 1024,
      minimum: 1024,
      description: 'Bytes of the longest line; longer ones are left out, and counted.',
    }),
    max_concurrent_files: Type.Integer({
      default: 1024,
      minimum: 1,
      description:
        'Files that are read at the same time; beyond it the receiver is unhealthy, and the rest waits.',
    }),
    replay_file: Type.Boolean({
      default: false,
      description: 'Read each file from the beginning at each interval, as a source of equal data.',
    }),
    storage: storageId(
      'Storage that keeps how far each file was read; absent: a new agent begins by `start_at`.',
    ),
  },
  { additionalProperties: false },
);

export type JsonFileConfig = Static<typeof jsonFileConfig>;
