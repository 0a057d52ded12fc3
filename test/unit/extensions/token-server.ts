import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface Asked {
  readonly headers: IncomingHttpHeaders;
  readonly form: URLSearchParams;
}

export interface TokenAnswer {
  readonly status?: number;
  readonly body: unknown;
  readonly location?: string;
}

/** A server of OAuth 2.0 tokens; `answer` undefined: it is silent. */
export async function startTokenServer(
  t: TestContext,
  first: (asked: Asked, count: number) => TokenAnswer | undefined,
) {
  const asked: Asked[] = [];
  let answer = first;
  const server = createServer(async (request, response) => {
    const body = Buffer.concat((await request.toArray()) as Buffer[]).toString();
    const one = { headers: request.headers, form: new URLSearchParams(body) };
    asked.push(one);
    const given = answer(one, asked.length);
    if (given === undefined) return;
    const text = typeof given.body === 'string' ? given.body : JSON.stringify(given.body);
    const { status = 200, location } = given;
    const headers = { 'content-type': 'application/json', ...(location !== undefined && { location }) };
    response.writeHead(status, headers).end(text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/oauth2/token`,
    asked,
    behave(next: typeof first) {
      answer = next;
    },
  };
}
