import type { PlainExtensionComponent } from '../../component.ts';
import { Type } from '../../config/schema/type.ts';
import { listenProblem } from '../../net/host-port.ts';
import { serveHttp } from '../../net/http-server.ts';
import { healthReport } from './report.ts';

const defaultEndpoint = 'localhost:13133';

const config = Type.Object(
  {
    endpoint: Type.String({
      default: defaultEndpoint,
      description:
        'Where it answers, `host:port`. A probe of Kubernetes comes from outside of the pod and needs `:13133`, which is every address.',
    }),
    path: Type.String({
      default: '/',
      pattern: '^/',
      description: 'Path that is answered; all others are not found.',
    }),
    response_body: Type.Optional(
      Type.Object(
        {
          healthy: Type.String({ default: '', description: 'Text while the agent is available.' }),
          unhealthy: Type.String({ default: '', description: 'Text while it is not.' }),
        },
        { description: 'Texts instead of the JSON that has the status of each component.' },
      ),
    ),
  },
  { additionalProperties: false },
);

export const healthCheck: PlainExtensionComponent<typeof config> = {
  kind: 'extension',
  type: 'health_check',
  summary:
    'Answers probes over HTTP: 200 when the agent has started and what its data pass is healthy (attached, last export accepted), otherwise 503; with the status of each component.',
  stability: 'development',
  config,
  ownsPlace: true,
  check({ endpoint }) {
    const message = listenProblem(endpoint, defaultEndpoint);
    return message === undefined ? [] : [{ path: ['endpoint'], message }];
  },
  open({ endpoint, path, response_body: texts }, { agent, clock, log }) {
    return serveHttp(
      endpoint,
      ({ url = '' }, response) => {
        if (url.split('?')[0] !== path) {
          response.writeHead(404).end();
          return;
        }
        const { isHealthy, body } = healthReport(agent.health(), agent.graph(), clock.now());
        const text = texts && (isHealthy ? texts.healthy : texts.unhealthy);
        response.writeHead(isHealthy ? 200 : 503, {
          'Content-Type': texts ? 'text/plain; charset=utf-8' : 'application/json',
          'Cache-Control': 'no-store',
        });
        response.end(text ?? `${JSON.stringify(body)}\n`);
      },
      (reason) => log.error(reason),
    );
  },
};
