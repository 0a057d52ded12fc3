import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ExtensionHost, GraphEdge, PlainExtensionComponent } from '../../component.ts';
import { Type } from '../../config/schema/type.ts';
import { listenProblem } from '../../net/host-port.ts';
import { serveHttp } from '../../net/http-server.ts';
import { messageOf } from '../../telemetry/health.ts';
import { htmlPage } from './html.ts';
import { type Page, pages } from './pages.ts';
import { samplePage } from './sample.ts';

const defaultEndpoint = 'localhost:55679';

const config = Type.Object(
  {
    endpoint: Type.String({
      default: defaultEndpoint,
      description:
        'Where it answers, `host:port`. Each client that reaches it sees names of workloads and the configuration without its secrets.',
    }),
  },
  { additionalProperties: false },
);

export const zpages: PlainExtensionComponent<typeof config> = {
  kind: 'extension',
  type: 'zpages',
  summary:
    'Pages on the running agent: `/debug/pipelinez` (components, queues, errors, the next batch at each edge), `/debug/extensionz`, `/debug/servicez`; with `?format=json` the same as JSON.',
  stability: 'development',
  config,
  ownsPlace: true,
  check({ endpoint }) {
    const message = listenProblem(endpoint, defaultEndpoint);
    return message === undefined ? [] : [{ path: ['endpoint'], message }];
  },
  open: ({ endpoint }, host) =>
    serveHttp(
      endpoint,
      (request, response) => void answer(request, response, host),
      (reason) => host.log.error(reason),
    ),
};

async function answer({ url = '' }: IncomingMessage, response: ServerResponse, host: ExtensionHost) {
  const { pathname = '', searchParams } = URL.parse(url, 'http://localhost') ?? {};
  try {
    const left = new AbortController();
    response.once('close', () => left.abort());
    const page = await pageOf(pathname, { search: searchParams, left: left.signal }, host);
    if (left.signal.aborted) return;
    if (page === undefined) {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end(`${Object.keys(pages).join('\n')}\n`);
      return;
    }
    const isJson = searchParams?.get('format') === 'json';
    response.writeHead(200, {
      'Content-Type': isJson ? 'application/json' : 'text/html; charset=utf-8',
      'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
      'Cache-Control': 'no-store',
    });
    response.end(isJson ? `${JSON.stringify(page)}\n` : htmlPage(page, Object.keys(pages)));
  } catch (error) {
    response.writeHead(400, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${messageOf(error)}\n`);
  }
}

interface Asked {
  readonly search: URLSearchParams | undefined;
  /** The client is gone, or the extension closes. */
  readonly left: AbortSignal;
}

function pageOf(path: string, { search, left }: Asked, host: ExtensionHost) {
  if (path === '/debug/samplez') return samplePage(edgeOf(search), left, host);
  return Promise.resolve<Page | undefined>(Object.hasOwn(pages, path) ? pages[path]?.(host) : undefined);
}

/** One that is not in the graph is refused by the tap. */
const edgeOf = (search?: URLSearchParams) =>
  ({
    from: search?.get('from') ?? '',
    to: search?.get('to') ?? '',
    signal: search?.get('signal') ?? '',
  }) as GraphEdge;
