import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePorts } from '../lab/free-ports.ts';
import { startPeer } from './peer-process.ts';

/** One series as Prometheus has it now. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value?: number;
  readonly histogram?: {
    readonly count: string;
    readonly sum: string;
    /** How the bounds count, lower bound, upper bound, count. */
    readonly buckets?: readonly (readonly [number, string, string, string])[];
  };
}

export interface PrometheusServer {
  readonly port: number;
  /** What its HTTP API answers, without what it says about its own scrapes. */
  series(): Promise<readonly Series[]>;
  log(): string;
}

interface Answer {
  readonly data: {
    readonly result: readonly {
      readonly metric: Series['labels'];
      readonly value?: readonly [number, string];
      readonly histogram?: readonly [number, NonNullable<Series['histogram']>];
    }[];
  };
}

/** A real Prometheus with a database of its own. */
export async function startPrometheus(
  t: TestContext,
  {
    binary,
    config,
    flags = [],
  }: { readonly binary: string; readonly config: object; readonly flags?: readonly string[] },
): Promise<PrometheusServer> {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-prometheus-'));
  const [port = 0] = await freePorts(1);
  const file = join(folder, 'prometheus.yml');
  writeFileSync(file, JSON.stringify(config)); // JSON is YAML
  const args = [
    ...[`--config.file=${file}`, `--storage.tsdb.path=${join(folder, 'data')}`],
    ...[`--web.listen-address=127.0.0.1:${port}`, ...flags],
  ];
  const url = `http://127.0.0.1:${port}`;
  const isReady = () =>
    fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  const running = await startPeer(binary, args, isReady);
  t.after(async () => {
    await running.end();
    rmSync(folder, { recursive: true });
  });
  return {
    ...{ port, log: running.log },
    async series() {
      const query = encodeURIComponent('{__name__=~".+",__name__!~"up|scrape_.*"}');
      const answer = (await (await fetch(`${url}/api/v1/query?query=${query}`)).json()) as Answer;
      return answer.data.result.map(({ metric: labels, value, histogram }) => ({
        ...{ labels, ...(value && { value: Number(value[1]) }) },
        ...(histogram && { histogram: histogram[1] }),
      }));
    },
  };
}
