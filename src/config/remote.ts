import type { Component } from '../component.ts';
import { explainNetworkError } from '../net/explain.ts';
import type { Config } from './config.ts';
import { type ConfigInput, loadConfig } from './load.ts';
import { maxBytes } from './text/decode.ts';
import type { Fetched } from './text/retrieve.ts';

/** Of one address, redirections included. */
const fetchTimeoutMs = 10_000;

/** Addresses that depend on what others hold are fetched one after the other. */
const maxRounds = 4;

export type Fetch = (url: string) => Promise<NonNullable<Fetched>>;

/** `loadConfig`, with `http:` and `https:`: what is missing is fetched, and all is loaded again. */
export async function loadWithRemote(
  input: ConfigInput,
  components: readonly Component[],
  fetch: Fetch = fetchText,
): Promise<Config> {
  const known = new Map<string, Fetched>();
  for (let round = 0; ; round++) {
    const missing = new Set<string>();
    const fetched = (url: string) => {
      if (!known.has(url)) missing.add(url);
      return known.get(url);
    };
    const outcome = attempt(() => loadConfig({ ...input, fetched }, components));
    if (missing.size === 0 || round === maxRounds) {
      if ('error' in outcome) throw outcome.error;
      return outcome.config;
    }
    await Promise.all([...missing].map(async (url) => known.set(url, await fetch(url))));
  }
}

function attempt(load: () => Config): { readonly config: Config } | { readonly error: unknown } {
  try {
    return { config: load() };
  } catch (error) {
    return { error };
  }
}

async function fetchText(url: string): Promise<NonNullable<Fetched>> {
  const { username, password } = new URL(url);
  if (username !== '' || password !== '')
    return { reason: 'an address with credentials in it is not fetched' };
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(fetchTimeoutMs) });
    if (response.status !== 200) {
      await response.body?.cancel();
      return { reason: `the server answered ${response.status}` };
    }
    return await readBody(response);
  } catch (error) {
    return { reason: reasonOf(error) };
  }
}

async function readBody({ body }: Response): Promise<NonNullable<Fetched>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > maxBytes) return { reason: `it is larger than ${maxBytes / 1024} KiB` }; // which ends the request
    chunks.push(chunk);
  }
  return { bytes: Buffer.concat(chunks) };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${fetchTimeoutMs / 1000} s`;
  const cause = error.cause instanceof Error ? error.cause : error;
  const code = 'code' in cause ? String(cause.code) : '';
  if (code.includes('CERT') || code.includes('SIGN'))
    return 'its certificate is not trusted; NODE_EXTRA_CA_CERTS names a file with the authority that signed it';
  return explainNetworkError(`${code} ${cause.message}`)?.meaning ?? cause.message;
}
