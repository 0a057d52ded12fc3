import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import type { Static } from 'typebox';
import { identityCounters } from '../../../../src/identity/emits.ts';
import { openKubernetes } from '../../../../src/identity/kubernetes/api.ts';
import type { kubernetesConfig } from '../../../../src/identity/kubernetes/config.ts';
import { benchFor } from '../source-bench.ts';
import { type Asked, type Behaviour, sayJson, sayStatus, startTlsServer, tlsFiles } from '../tls-server.ts';
import { madePods, podList } from './made-pods.ts';

// The API server here is one of our own, and its pods are made by code: see tls-server.ts and made-pods.ts.

export type Config = Static<typeof kubernetesConfig>;
export type Answer = Parameters<Behaviour>;

export interface Watch {
  readonly version: string | null;
  readonly response: ServerResponse;
}

/** Lists, watches and owners, each as a test wants them. */
export class Api {
  list: Behaviour = sayJson(podList(madePods(3)));
  owner: Behaviour = sayStatus(404, 'not found', 'NotFound');
  /** Called instead of keeping the watch open. */
  watch: Behaviour | undefined;
  readonly lists: Asked[] = [];
  readonly watches: Watch[] = [];
  readonly owners: Asked[] = [];

  readonly answer: Behaviour = (...answer: Answer) => {
    const [asked, response] = answer;
    if (asked.url.pathname !== '/api/v1/pods') {
      this.owners.push(asked);
      return this.owner(...answer);
    }
    if (!asked.url.searchParams.has('watch')) {
      this.lists.push(asked);
      return this.list(...answer);
    }
    this.watches.push({ version: asked.url.searchParams.get('resourceVersion'), response });
    if (this.watch) return this.watch(...answer);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
  };

  emit(type: string, object: unknown): void {
    this.last.response.write(`${JSON.stringify({ type, object })}\n`);
  }

  get last(): Watch {
    const watch = this.watches.at(-1);
    assert.ok(watch, 'a watch is open');
    return watch;
  }
}

export const bookmark = (resourceVersion: string) => ({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { resourceVersion },
});
export const status = (code: number, message: string, reason: string) => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message,
  reason,
  code,
});

export async function setUp(
  t: TestContext,
  prepare: (api: Api) => void = () => {},
  config: Partial<Config> = {},
) {
  const api = new Api();
  prepare(api);
  const server = await startTlsServer(t, api.answer);
  const defaults: Config = {
    endpoint: server.endpoint,
    node_name: 'node1',
    owners: 'derive',
    auth_type: 'none',
    insecure_skip_verify: false,
    ca_file: tlsFiles.ca_file,
  };
  const bench = benchFor(t, (context) =>
    openKubernetes({ ...defaults, ...config }, context, { environment: {} }),
  );
  return { ...bench, api, server };
}

/** Listed, and the first watch is open. */
export async function watching(...args: Parameters<typeof setUp>) {
  const set = await setUp(...args);
  await set.until(() => set.source.state === 'ready' && set.api.watches.length === 1);
  return set;
}

export const sourceErrors = identityCounters.sourceErrors.name;
export const sourceLists = identityCounters.sourceLists.name;
export const names = (asked: Asked | undefined) => Object.fromEntries(asked?.url.searchParams ?? []);
