import type { IncomingMessage, RequestListener } from 'node:http';
import type { Logger } from 'pino';
import type { Introspection } from '../../component.ts';
import { ConfigError, describeProblem } from '../../config/config-error.ts';
import { parseDuration } from '../../config/schema/duration.ts';
import type { Explanations } from '../../explanations/explanations.ts';
import { printable } from '../../printable.ts';
import { messageOf } from '../../telemetry/health.ts';
import type { ReloadReply } from './reload-reply.ts';

export interface Answering {
  readonly explanations: Pick<Explanations, 'ask'>;
  readonly agent: Pick<Introspection, 'reload'>;
  readonly log: Logger;
}

export interface Responder {
  /** `GET /v1/explain?workload=NAME&since=5m` and `POST /v1/reload`, as JSON. */
  readonly respond: RequestListener;
  /** Answers the reloads that have not ended, as one of them may be what closes the socket; resolves when all answers are sent. */
  close(): Promise<void>;
}

interface HttpReply {
  readonly status: number;
  readonly body: object;
}

export function respondFrom(answering: Answering): Responder {
  const closing = Promise.withResolvers<ReloadReply>();
  const answers = new Set<Promise<void>>();

  const respond: RequestListener = (request, response) => {
    const answered = Promise.withResolvers<void>();
    response.once('close', answered.resolve);
    answers.add(answered.promise);
    void answered.promise.then(() => answers.delete(answered.promise));
    void replyTo(request, answering, closing.promise).then(({ status, body }) => {
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(`${JSON.stringify(body)}\n`);
    });
  };
  return {
    respond,
    async close() {
      closing.resolve({ kind: 'closing' });
      await Promise.all(answers);
    },
  };
}

async function replyTo(
  { url = '', method }: IncomingMessage,
  { explanations, agent, log }: Answering,
  closing: Promise<ReloadReply>,
): Promise<HttpReply> {
  const { pathname, searchParams } = URL.parse(url, 'http://localhost') ?? {};
  switch (pathname) {
    case '/v1/explain':
      if (method !== 'GET') return refusal(405, 'only GET is served');
      return explain(searchParams ?? new URLSearchParams(), explanations, log);
    case '/v1/reload':
      if (method !== 'POST') return refusal(405, 'only POST is served');
      return { status: 200, body: await Promise.race([reload(agent), closing]) };
    default:
      return refusal(404, 'there are /v1/explain and /v1/reload only');
  }
}

function explain(query: URLSearchParams, explanations: Answering['explanations'], log: Logger): HttpReply {
  const workload = query.get('workload');
  const since = parseDuration(query.get('since') ?? '');
  if (!workload || !since) return refusal(400, 'workload must be a name, and since a duration like 5m');
  try {
    return { status: 200, body: explanations.ask(workload, since) };
  } catch (error) {
    log.error({ error: messageOf(error) }, 'A question could not be answered.');
    return refusal(500, 'the agent failed to answer, and has logged why');
  }
}

/** The agent logs the outcome. */
async function reload(agent: Answering['agent']): Promise<ReloadReply> {
  try {
    return { kind: 'applied', ...(await agent.reload()) };
  } catch (error) {
    const problems =
      error instanceof ConfigError ? error.problems.map(describeProblem) : [printable(messageOf(error))];
    return { kind: 'refused', problems };
  }
}

const refusal = (status: number, error: string): HttpReply => ({ status, body: { error } });
