import type { Held, HeldExporter, Host } from '../../component.ts';
import { openServerTls } from '../../config/schema/server-tls.ts';
import { serveHttp } from '../../net/http-server.ts';
import { type Batch, bySignal, itemCount } from '../../telemetry/batch.ts';
import { messageOf } from '../../telemetry/health.ts';
import { seconds } from '../../telemetry/units.ts';
import { reasons } from './emits.ts';
import { Registry } from './registry.ts';
import { answerScrape } from './scrape.ts';
import { type Config, settingsOf } from './settings.ts';

export async function openExporter(configured: Config, host: Host): Promise<HeldExporter> {
  let settings = settingsOf(configured);
  const registry = new Registry(settings, host);
  const server = await serveHttp(
    configured.endpoint,
    (request, response) =>
      void answerScrape(request, response, { registry, settings }).catch((error) => {
        // A reader that leaves before the end is none of ours.
        if (response.headersSent) response.destroy();
        else response.writeHead(500).end();
        if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE')
          host.log.error({ error: messageOf(error) }, 'A scrape failed.');
      }),
    (reason) => host.log.error(reason),
    configured.tls && openServerTls(configured.tls),
  );
  return {
    take: (batch) => takeInto(registry, batch),
    // Between scrapes, so that what has expired takes no room.
    tasks: [{ name: 'expire', every: seconds(10), run: () => registry.expire() }],
    async reconfigure(config) {
      const next = config as Config; // checked by the runtime
      if (keptKeys.some((key) => JSON.stringify(next[key]) !== JSON.stringify(configured[key])))
        return 'restart';
      if (next.tls) server.secure(openServerTls(next.tls));
      settings = settingsOf(next);
      registry.apply(settings);
      return 'applied';
    },
    close: () => server.close(),
  };
}

/** What cannot change without another server, or other series. */
const keptKeys = ['endpoint', 'tls', 'resource_to_telemetry_conversion'] as const;

function takeInto(registry: Registry, batch: Batch): Held {
  const dropped = bySignal(batch, { metrics: ({ resourceMetrics }) => registry.take(resourceMetrics) });
  if (dropped === undefined) return { kind: 'partial', rejected: itemCount(batch), reason: 'no metrics' };
  if (dropped.size === 0) return { kind: 'accepted' };
  const rejected = [...dropped.values()].reduce((sum, count) => sum + count, 0);
  return {
    kind: 'partial',
    rejected,
    reason: [...dropped.keys()].map((reason) => reasons[reason]).join('; '),
  };
}
