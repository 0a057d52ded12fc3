import { lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

export interface Socket {
  readonly path: string;
  /** Differs after the runtime has restarted. */
  readonly identity: string;
}

const maxLinks = 8;

/** The first of the candidates, absolute paths of the host, that is a socket; one `*` may stand for a directory. */
export function findSocket(
  candidates: readonly string[],
  { rootPath, isUnfit }: { readonly rootPath: string; isUnfit(socket: Socket): boolean },
): Socket | undefined {
  for (const candidate of candidates.flatMap((path) => expand(path, rootPath))) {
    const socket = socketAt(candidate, rootPath);
    if (socket && !isUnfit(socket)) return socket;
  }
  return undefined;
}

function socketAt(path: string, rootPath: string): Socket | undefined {
  try {
    const found = rootPath === '/' ? path : below(path, rootPath); // the kernel also follows /proc/<pid>/root
    const stat = statSync(found);
    return stat.isSocket() ? { path: found, identity: `${stat.dev}:${stat.ino}:${stat.ctimeMs}` } : undefined;
  } catch {
    return undefined; // missing or not visible: absent either way
  }
}

/** Links on the way, as `/var/run` often is one, lead to the host's files, not to the agent's. */
function below(path: string, rootPath: string): string {
  let links = 0;
  let walked = '/';
  const ahead = path.split('/');
  for (let name = ahead.shift(); name !== undefined; name = ahead.shift()) {
    const next = join(walked, name);
    if (!lstatSync(join(rootPath, next)).isSymbolicLink()) walked = next;
    else if (++links > maxLinks) throw new Error(`cannot follow ${path}: too many links`);
    else {
      const target = readlinkSync(join(rootPath, next));
      ahead.unshift(...target.split('/'));
      if (isAbsolute(target)) walked = '/';
    }
  }
  return join(rootPath, walked);
}

function expand(path: string, rootPath: string): readonly string[] {
  const star = path.indexOf('/*/');
  if (star < 0) return [path];
  const [parent, rest] = [path.slice(0, star), path.slice(star + 3)];
  try {
    return readdirSync(join(rootPath, parent))
      .sort()
      .map((name) => join(parent, name, rest));
  } catch {
    return []; // no such directory
  }
}
