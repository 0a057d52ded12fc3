import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { admin } from '../extensions/admin/admin.ts';
import { defaultSocket, socketPathOf } from '../extensions/admin/endpoint.ts';
import { type FailureReason, RequestError } from '../net/request-error.ts';
import { UnixHttp } from '../net/unix-http.ts';
import { bytes, type Nanoseconds } from '../telemetry/units.ts';
import { CommandError } from './command-error.ts';

/** Adds the option that names the socket of an agent. */
export const withSocket = (command: Command, unless: string = defaultSocket): Command =>
  command.option('--socket <path>', `socket of the agent; default: ${unless}`);

/** The socket that a configuration names. */
export function socketIn(config: Config | undefined): string {
  if (!config) return defaultSocket;
  for (const id of config.started) {
    const extension = config.extensions.get(id);
    if (extension?.component === admin) return socketPathOf(String(extension.config.endpoint));
  }
  throw new CommandError(
    'cannot ask the agent: its configuration has no extension admin in service::extensions; add it, or ask another agent with --socket',
  );
}

export interface Request<Kind extends string> {
  /** Of the socket. */
  readonly socket: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly timeout: Nanoseconds;
  /** Of the replies of an agent of this version. */
  readonly kinds: readonly Kind[];
}

/** Asks the agent that listens on a socket. */
export async function askAgent<Reply extends { readonly kind: string }>(
  request: Request<Reply['kind']>,
): Promise<Reply> {
  const { socket, method, path, timeout, kinds } = request;
  const client = new UnixHttp({ socketPath: socket, timeout, maxBody, maxLine: bytes(0) });
  try {
    const reply = (await client.json(method, path)) as Reply;
    if (kinds.includes(reply?.kind)) return reply;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    throw new CommandError(`cannot ask the agent at ${socket}: ${remedies[error.reason] ?? error.message}`, {
      cause: error,
    });
  } finally {
    client.close();
  }
  throw new CommandError(`cannot ask the agent at ${socket}: its answer is none of an agent of this version`);
}

const maxBody = bytes(16 * 1024 * 1024);

const remedies: Readonly<Partial<Record<FailureReason, string>>> = {
  unreachable:
    'no agent listens there. Start one whose configuration has the extension admin in service::extensions, as config/earshot.yaml has; --socket names another socket',
  forbidden: 'the socket belongs to another user. Ask as the user that runs the agent, as with sudo',
};
