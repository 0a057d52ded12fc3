import type { Config } from '../../config/config.ts';
import { printDuration } from '../../config/schema/duration.ts';
import type { Reply } from '../../explanations/answer.ts';
import { admin } from '../../extensions/admin/admin.ts';
import { defaultSocket, socketPathOf } from '../../extensions/admin/endpoint.ts';
import { type FailureReason, RequestError } from '../../net/request-error.ts';
import { UnixHttp } from '../../net/unix-http.ts';
import { bytes, type Nanoseconds, seconds } from '../../telemetry/units.ts';
import { ExplainError } from './explain-error.ts';

export interface Question {
  readonly workload: string;
  readonly since: Nanoseconds;
}

const limits = { timeout: seconds(10), maxBody: bytes(16 * 1024 * 1024), maxLine: bytes(0) };

/** Asks the agent that listens on a socket. */
export async function askAgent({
  path,
  workload,
  since,
}: Question & { readonly path: string }): Promise<Reply> {
  const client = new UnixHttp({ socketPath: path, ...limits });
  const query = new URLSearchParams({ workload, since: printDuration(since) });
  try {
    return replyFrom(await client.getJson(`/v1/explain?${query}`), path);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    throw new ExplainError(`cannot ask the agent at ${path}: ${remedies[error.reason] ?? error.message}`, {
      cause: error,
    });
  } finally {
    client.close();
  }
}

function replyFrom(json: unknown, path: string): Reply {
  const reply = json as Reply; // of an agent of this version
  if (!kinds.includes(reply?.kind))
    throw new ExplainError(`cannot ask the agent at ${path}: its answer is none of an agent of this version`);
  return reply;
}

const kinds: readonly Reply['kind'][] = ['answer', 'ambiguous', 'unknown', 'nothing'];

const remedies: Readonly<Partial<Record<FailureReason, string>>> = {
  unreachable:
    'no agent listens there. Start one whose configuration has the extension admin in service::extensions, as config/earshot.yaml has; --socket or --config names another socket',
  forbidden: 'the socket belongs to another user. Ask as the user that runs the agent, as with sudo',
};

/** The socket that a configuration names. */
export function socketIn(config: Config | undefined): string {
  if (!config) return defaultSocket;
  for (const id of config.started) {
    const extension = config.extensions.get(id);
    if (extension?.component === admin) return socketPathOf(String(extension.config.endpoint));
  }
  throw new ExplainError(
    'cannot ask the agent: its configuration has no extension admin in service::extensions; add it, or ask another agent with --socket',
  );
}
