import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Nanoseconds, seconds } from '../../telemetry/units.ts';
import type { AccessConfig } from './access-config.ts';
import { KubeError } from './kube-error.ts';
import { type Access, type Material, readKubeconfig } from './kubeconfig.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The credentials of a request, read from their files. */
export interface Credentials {
  readonly server?: string;
  readonly token?: string;
  readonly tls: TlsMaterial;
}

export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized: boolean;
}

const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';
/** A kubelet renews a token when a fifth of its life is left, two minutes at least. */
const rereadEvery = seconds(60);

/** Reads tokens and certificates, and reads them again: they are rotated while the agent runs. */
export class CredentialStore {
  readonly #load: () => Promise<Access>;
  readonly #elapsed: () => Nanoseconds;
  #current: Credentials | undefined;
  #readAt: Nanoseconds | undefined;

  constructor(config: AccessConfig, environment: Environment, elapsed: () => Nanoseconds) {
    this.#load = loader(config, environment);
    this.#elapsed = elapsed;
  }

  /** `now`: the current ones have just been refused. Throws a `KubeError`, unless it has read some before: a file may be in exchange. */
  async read({ now = false } = {}): Promise<Credentials> {
    const at = this.#elapsed();
    if (this.#current && !now && this.#readAt !== undefined && at - this.#readAt < rereadEvery)
      return this.#current;
    this.#readAt = at;
    try {
      const credentials = await readAll(await this.#load());
      if (JSON.stringify(credentials) !== JSON.stringify(this.#current)) this.#current = credentials;
    } catch (error) {
      if (this.#current === undefined) throw error;
    }
    // Set, or the error above was thrown.
    return this.#current as Credentials;
  }
}

function loader(config: AccessConfig, environment: Environment): () => Promise<Access> {
  const own = ownAccess(config);
  switch (config.auth_type) {
    case 'none':
      return async () => own;
    case 'serviceAccount':
      return async () => ({
        token: { file: join(serviceAccountFolder, 'token') },
        ...(config.insecure_skip_verify ? {} : { ca: { file: join(serviceAccountFolder, 'ca.crt') } }),
        ...own,
      });
    case 'kubeConfig':
      return async () => {
        const { KUBECONFIG, HOME = '/' } = environment;
        const file = config.kubeconfig || KUBECONFIG || join(HOME, '.kube/config');
        if (file === KUBECONFIG && file.includes(':'))
          throw new KubeError(
            'credentials',
            'cannot use $KUBECONFIG: it names several files; "kubeconfig" can name one',
          );
        const access = readKubeconfig(await readText('kubeconfig', file), { file, context: config.context });
        return { ...access, ...own };
      };
  }
}

/** Keys of the configuration take precedence. */
function ownAccess(config: AccessConfig): Access {
  return {
    ...(config.token_file !== undefined && { token: { file: config.token_file } }),
    ...(config.ca_file !== undefined && { ca: { file: config.ca_file } }),
    ...(config.cert_file !== undefined && { cert: { file: config.cert_file } }),
    ...(config.key_file !== undefined && { key: { file: config.key_file } }),
    ...(config.server_name_override !== undefined && { serverName: config.server_name_override }),
    ...(config.insecure_skip_verify && { skipVerify: true }),
  };
}

async function readAll(access: Access): Promise<Credentials> {
  // One after the other: of several missing ones always the same is named.
  const token = await read('token', access.token);
  const ca = await read('certificate authority', access.ca);
  const cert = await read('client certificate', access.cert);
  const key = await read('client key', access.key);
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token.trim()))
    throw new KubeError(
      'credentials',
      'cannot use the token: it is empty, or has characters that no token has',
    );
  return {
    ...(access.server !== undefined && { server: access.server }),
    ...(token !== undefined && { token: token.trim() }),
    tls: {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(access.serverName !== undefined && { servername: access.serverName }),
      rejectUnauthorized: access.skipVerify !== true,
    },
  };
}

async function read(what: string, material: Material | undefined): Promise<string | undefined> {
  if (material === undefined) return undefined;
  return 'text' in material ? material.text : readText(what, material.file);
}

async function readText(what: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new KubeError('absent', `there is no ${what} at ${file}`, { cause });
    throw new KubeError('credentials', `cannot read the ${what} ${file}: ${message}`, { cause });
  }
}
