import { components } from '../../../src/components.ts';
import { loadConfig } from '../../../src/config/load.ts';

/** Settings of a processor as the loader checks and completes them. Throws the loader's error. */
export function loadProcessor(type: string, written: object): unknown {
  const text = JSON.stringify({
    receivers: { agent: {} },
    processors: { [type]: written },
    exporters: { table: {} },
    service: { pipelines: { metrics: { receivers: ['agent'], processors: [type], exporters: ['table'] } } },
  });
  const config = loadConfig({ files: ['test'], sets: [], environment: {}, readFile: () => text }, components);
  return config.processors.get(type)?.config;
}
