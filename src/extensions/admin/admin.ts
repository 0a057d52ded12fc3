import type { PlainExtensionComponent } from '../../component.ts';
import { Type } from '../../config/schema/type.ts';
import { explanations as explanationsRef } from '../../explanations/explanations.ts';
import { createServer } from '../../net/node-http.ts';
import { seconds } from '../../telemetry/units.ts';
import { defaultSocket, endpointProblem, socketPathOf } from './endpoint.ts';
import { listenAt } from './listen.ts';
import { respondFrom } from './respond.ts';

const config = Type.Object(
  {
    endpoint: Type.String({
      default: `unix://${defaultSocket}`,
      description:
        'Socket on which the agent answers, `unix://` and an absolute path; the user of the agent alone may use it. Its directory is made where it is missing.',
    }),
  },
  { additionalProperties: false },
);

export const admin: PlainExtensionComponent<typeof config> = {
  kind: 'extension',
  type: 'admin',
  summary:
    'A socket on which the running agent answers `earshot explain`, why a workload waits for CPU, and `earshot reload`.',
  stability: 'development',
  exclusive: true,
  config,
  check({ endpoint }) {
    const message = endpointProblem(endpoint);
    return message === undefined ? [] : [{ path: ['endpoint'], message }];
  },
  async open({ endpoint }, host) {
    const explanations = await host.use(explanationsRef);
    const { respond, close: closeReloads } = respondFrom({ explanations, agent: host.agent, log: host.log });
    const server = createServer({ requestTimeout: 5000, headersTimeout: 5000 }, respond);
    await listenAt(server, socketPathOf(endpoint));
    server.on('error', ({ message }) =>
      host.log.error(`cannot accept a connection at ${endpoint}: ${message}`),
    );
    const stopListening = explanations.listen();
    return {
      async close() {
        stopListening();
        if (!server.listening) return;
        const closed = new Promise((resolve) => server.close(resolve)); // removes the socket
        await host.endsWithin(seconds(1), closeReloads()); // a client may not read
        server.closeAllConnections();
        await closed;
      },
    };
  },
};
