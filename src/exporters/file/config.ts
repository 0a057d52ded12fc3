import type { Static } from 'typebox';
import type { ConfigProblem } from '../../component.ts';
import { duration } from '../../config/schema/duration.ts';
import { Type } from '../../config/schema/type.ts';

const closed = { additionalProperties: false } as const;

export const fileConfig = Type.Object(
  {
    path: Type.String({ minLength: 1, description: 'The file, relative to the working directory.' }),
    append: Type.Boolean({
      default: false,
      description:
        'Write behind what is in the file; otherwise it is emptied at the start. A last record that was cut is taken off.',
    }),
    rotation: Type.Optional(
      Type.Object(
        {
          max_megabytes: Type.Integer({
            default: 100,
            minimum: 1,
            description: 'Size (MiB) at which the file gets a name with the time, and another one begins.',
          }),
          max_days: Type.Integer({
            default: 0,
            minimum: 0,
            description: 'Days after which such a file is deleted, by the time in its name; 0: never.',
          }),
          max_backups: Type.Integer({
            default: 100,
            minimum: 0,
            description: 'Such files that are kept, the newest; 0: all.',
          }),
          localtime: Type.Boolean({ default: false, description: 'Local time in names, not UTC.' }),
        },
        { ...closed, description: 'Absent: one file. With it, what is in the file stays at the start.' },
      ),
    ),
    format: Type.Enum(['json', 'proto'], {
      default: 'json',
      description:
        'A line of JSON for each request, or its protobuf behind its length (4 bytes, big-endian).',
    }),
    compression: Type.Optional(
      Type.Enum(['zstd'], {
        description: 'Each request is compressed, and stands behind its length, of JSON too.',
      }),
    ),
    flush_interval: duration({
      default: '1s',
      description:
        "The Collector's: data are in the file after so long at the latest. Here they are at once, whatever the value.",
    }),
    sync_interval: duration({
      default: '0',
      description:
        'What is in the file is forced to the disk so often, and at its end; 0: as the kernel does it.',
    }),
    create_directory: Type.Boolean({ default: false, description: 'Make the directory of the file.' }),
    directory_permissions: Type.Optional(
      Type.String({
        pattern: '^0?[0-7]{3}$',
        description: 'Octal, of directories that are made; absent: `0755`.',
      }),
    ),
  },
  closed,
);

export type FileConfig = Static<typeof fileConfig>;

/** In the Collector's words. */
export function fileProblems(config: FileConfig): readonly ConfigProblem[] {
  const { append, compression, rotation, create_directory, directory_permissions } = config;
  const problems: ConfigProblem[] = [];
  const add = (path: string, message: string) => problems.push({ path: [path], message });
  if (append && compression !== undefined)
    add('append', 'append and compression enabled at the same time is not supported');
  if (append && rotation !== undefined)
    add('append', 'append and rotation enabled at the same time is not supported: rotation appends anyway');
  if (directory_permissions !== undefined && !create_directory)
    add('directory_permissions', 'directory_permissions requires create_directory to be true');
  return problems;
}
