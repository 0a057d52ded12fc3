import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A file about the whole machine (`/proc/stat`): the host's own where its file system is mounted, as a container may have
 * been given another (lxcfs). Files about this process (`/proc/self`) are never looked up here.
 */
export function hostFile(rootPath: string, path: string): string {
  const onHost = join(rootPath, path);
  return existsSync(onHost) ? onHost : path;
}
