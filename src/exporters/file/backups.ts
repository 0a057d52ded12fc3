import { existsSync } from 'node:fs';
import { readdir, rename, unlink } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';

export interface BackupOptions {
  /** 0: no limit. */
  readonly maxDays: number;
  readonly maxBackups: number;
  readonly isLocalTime: boolean;
}

const day = 24 * 3600 * 1000;

/** The parts of a path around the time of a backup: `data-2022-09-14T05-02-14.173.json` for `data.json`. */
function partsOf(path: string) {
  const extension = extname(path);
  return { directory: dirname(path), stem: basename(path, extension), extension };
}

const two = (value: number) => String(value).padStart(2, '0');

function stampOf(time: Date, isLocalTime: boolean): string {
  if (!isLocalTime) return time.toISOString().slice(0, -1).replaceAll(':', '-');
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join('-');
  const clock = [two(time.getHours()), two(time.getMinutes()), two(time.getSeconds())].join('-');
  return `${date}T${clock}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

const stampPattern = /^(\d{4})-(\d\d)-(\d\d)T(\d\d)-(\d\d)-(\d\d)\.(\d{3})$/;

/** Milliseconds since the epoch; undefined: the text is no time of a backup. */
function timeOf(stamp: string, isLocalTime: boolean): number | undefined {
  const [year, month, date, ...clock] = stampPattern.exec(stamp)?.slice(1).map(Number) ?? [];
  if (year === undefined || month === undefined || date === undefined) return undefined;
  const [hour = 0, minute = 0, second = 0, milli = 0] = clock;
  return isLocalTime
    ? new Date(year, month - 1, date, hour, minute, second, milli).getTime()
    : Date.UTC(year, month - 1, date, hour, minute, second, milli);
}

/** Gives the file the name of a backup made at this time; one that was removed has none. */
export async function moveAside(path: string, now: number, { isLocalTime }: BackupOptions): Promise<void> {
  const { directory, stem, extension } = partsOf(path);
  for (let time = now; ; time++) {
    const backup = join(directory, `${stem}-${stampOf(new Date(time), isLocalTime)}${extension}`);
    if (existsSync(backup)) continue; // of the same millisecond
    return rename(path, backup).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}

/** Deletes backups that are too many or too old; how many it could not delete. */
export async function prune(path: string, now: number, options: BackupOptions): Promise<number> {
  const { maxDays, maxBackups, isLocalTime } = options;
  const { directory, stem, extension } = partsOf(path);
  const found = (await readdir(directory)).flatMap((name) => {
    if (!name.startsWith(`${stem}-`) || !name.endsWith(extension)) return [];
    const time = timeOf(name.slice(stem.length + 1, name.length - extension.length), isLocalTime);
    return time === undefined ? [] : [{ name, time }];
  });
  found.sort((a, b) => b.time - a.time);
  const surplus = found.filter(
    ({ time }, index) =>
      (maxBackups > 0 && index >= maxBackups) || (maxDays > 0 && now - time > maxDays * day),
  );
  const deleted = await Promise.allSettled(surplus.map(({ name }) => unlink(join(directory, name))));
  return deleted.filter(({ status }) => status === 'rejected').length;
}
