import { lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

export interface Socket {
  readonly path: string;
  /** Another one after whoever listens has started anew. */
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

/** Of `unix:///run/x.sock`, or of a plain path. */
export function endpointPath(endpoint: string): string | undefined {
  const [, path] = /^(?:unix:(?:\/\/)?)?(\/.+)$/.exec(endpoint) ?? [];
  return path;
}

function socketAt(path: string, rootPath: string): Socket | undefined {
  try {
    const found = below(path, rootPath);
    const stat = statSync(found);
    return stat.isSocket() ? { path: found, identity: `${stat.dev}:${stat.ino}:${stat.ctimeMs}` } : undefined;
  } catch {
    return undefined; // not there, or not to be seen by us: absent both
  }
}

/** Links at the end of a path of the host lead to the host's files, not to ours. */
function below(path: string, rootPath: string): string {
  let inHost = path;
  for (let links = 0; links < maxLinks; links++) {
    const here = join(rootPath, inHost);
    if (!lstatSync(here).isSymbolicLink()) return here;
    inHost = resolve(dirname(inHost), readlinkSync(here));
  }
  return join(rootPath, inHost);
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
