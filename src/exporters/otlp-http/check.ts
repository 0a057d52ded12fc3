import type { HttpConfig } from '../../client/http.ts';
import { tlsProblems } from '../../client/tls.ts';
import type { ConfigProblem } from '../../component.ts';
import { headerProblems } from '../../config/schema/headers.ts';
import type { Endpoints } from './endpoint.ts';

const endpointKeys = ['endpoint', 'metrics_endpoint', 'logs_endpoint', 'traces_endpoint'] as const;

/** What the schema cannot say. No message repeats a value: it may come from the environment. */
export function configProblems(config: HttpConfig & Endpoints): readonly ConfigProblem[] {
  return [...endpointProblems(config), ...headerProblems(config.headers, 'HTTP'), ...tlsProblems(config.tls)];
}

function endpointProblems(endpoints: Endpoints): readonly ConfigProblem[] {
  if (endpointKeys.every((key) => endpoints[key] === undefined))
    return [{ path: [], message: 'at least one endpoint must be specified: endpoint, as https://host:4318' }];
  return endpointKeys.flatMap((key) => {
    const text = endpoints[key];
    const message = text === undefined ? undefined : urlProblem(text, key === 'endpoint');
    return message === undefined ? [] : [{ path: [key], message }];
  });
}

function urlProblem(text: string, isBase: boolean): string | undefined {
  if (!/^https?:\/\//i.test(text)) return 'must begin with http:// or https://, as https://host:4318';
  if (!URL.canParse(text)) return 'is not a URL: write it as https://host:4318';
  const { username, password, search, hash } = new URL(text);
  if (username !== '' || password !== '') return 'must not hold credentials: use headers';
  if (hash !== '') return 'must not have a fragment (#)';
  if (isBase && search !== '')
    return 'must not have a query: paths are added to it; use metrics_endpoint or headers';
  return undefined;
}
