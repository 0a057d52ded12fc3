import type { IncomingMessage, RequestListener } from 'node:http';
import type { Logger } from 'pino';
import { parseDuration } from '../../config/schema/duration.ts';
import type { Explanations } from '../../explanations/explanations.ts';
import { messageOf } from '../../telemetry/health.ts';

/** What the socket answers: `GET /v1/explain?workload=NAME&since=5m`, as JSON. */
export function respondFrom(explanations: Pick<Explanations, 'ask'>, log: Logger): RequestListener {
  return (request, response) => {
    const { status, body } = replyTo(request, explanations, log);
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(`${JSON.stringify(body)}\n`);
  };
}

interface HttpReply {
  readonly status: number;
  readonly body: object;
}

function replyTo(
  { url = '', method }: IncomingMessage,
  explanations: Pick<Explanations, 'ask'>,
  log: Logger,
): HttpReply {
  const { pathname, searchParams } = URL.parse(url, 'http://localhost') ?? {};
  if (pathname !== '/v1/explain') return refusal(404, 'there is /v1/explain only');
  if (method !== 'GET') return refusal(405, 'only GET is served');
  const workload = searchParams?.get('workload');
  const since = parseDuration(searchParams?.get('since') ?? '');
  if (!workload || !since) return refusal(400, 'workload must be a name, and since a duration like 5m');
  try {
    return { status: 200, body: explanations.ask(workload, since) };
  } catch (error) {
    log.error({ error: messageOf(error) }, 'A question could not be answered.');
    return refusal(500, 'the agent failed to answer, and has logged why');
  }
}

const refusal = (status: number, error: string): HttpReply => ({ status, body: { error } });
