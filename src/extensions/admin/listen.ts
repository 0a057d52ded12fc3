import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { describeOwner, exposureOf, makeDirectory } from '../../machine/private-directory.ts';
import { SocketError } from './socket-error.ts';

/** The user alone: what is asked here names all workloads of the machine. */
const socketMode = 0o600;

/**
 * Listens on a socket at a path: makes its directory, replaces a socket that a dead agent left, and leaves one alone on which
 * another process listens. Rejects with what is in the way and what to do.
 */
export async function listenAt(server: Server, path: string): Promise<void> {
  await makeOwn(dirname(path), path);
  await removeStale(path);
  await bind(server, path);
}

/** Refuses one in which other users could put a socket of theirs in the place of this one. */
async function makeOwn(directory: string, path: string): Promise<void> {
  const made = await makeDirectory(directory).catch((cause: unknown) => {
    throw new SocketError(path, `the directory ${directory} cannot be made or written`, cause);
  });
  const exposure = exposureOf(made);
  if (exposure === 'foreign' || exposure === 'open')
    throw new SocketError(
      path,
      `other users may put a socket of theirs in ${directory}, as ${describeOwner(made)}`,
    );
}

async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw new SocketError(path, 'there is a file that is no socket');
  if (await isAlive(path))
    throw new SocketError(path, 'another process listens there, probably another agent');
  try {
    unlinkSync(path);
  } catch (cause) {
    throw new SocketError(path, 'the socket of an agent that has ended cannot be removed', cause);
  }
}

/** Only of a socket without a listener the connection is refused. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'),
    );
  });
}

/** The socket has its mode from the beginning: Node.js binds before `listen` returns. */
function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error) => reject(new SocketError(path, 'the socket cannot be made', cause));
    server.once('error', failed);
    const umask = process.umask(0o777 & ~socketMode);
    try {
      server.listen(path, () => {
        server.off('error', failed);
        chmodSync(path, socketMode);
        resolve();
      });
    } finally {
      process.umask(umask);
    }
  });
}
