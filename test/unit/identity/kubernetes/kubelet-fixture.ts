import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Static } from 'typebox';
import { identityCounters } from '../../../../src/identity/emits.ts';
import type { kubeletConfig } from '../../../../src/identity/kubernetes/config.ts';
import { openKubelet } from '../../../../src/identity/kubernetes/kubelet.ts';
import { seconds } from '../../../../src/telemetry/units.ts';
import { benchFor } from '../source-bench.ts';
import { type Behaviour, startTlsServer, tlsFiles } from '../tls-server.ts';

// The kubelet here is a server of our own, and its pods are made by code: see tls-server.ts and made-pods.ts.

export type Config = Static<typeof kubeletConfig>;

export async function setUp(
  t: TestContext,
  behaviour: Behaviour,
  {
    config = {},
    environment = {},
    server: options = {},
  }: {
    config?: Partial<Config>;
    environment?: Readonly<Record<string, string>>;
    server?: Parameters<typeof startTlsServer>[2];
  } = {},
) {
  const server = await startTlsServer(t, behaviour, options);
  const folder = mkdtempSync(join(tmpdir(), 'earshot-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const token_file = join(folder, 'token');
  writeFileSync(token_file, 'first');
  const defaults: Config = {
    endpoint: server.endpoint,
    interval: seconds(30),
    timeout: seconds(10),
    auth_type: 'serviceAccount',
    insecure_skip_verify: false,
    token_file,
    ca_file: tlsFiles.ca_file,
  };
  const bench = benchFor(t, (context) => openKubelet({ ...defaults, ...config }, context, { environment }));
  return { ...bench, server, token_file };
}

export const sourceErrors = identityCounters.sourceErrors.name;
export const sourceLists = identityCounters.sourceLists.name;
