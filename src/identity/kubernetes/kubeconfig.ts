import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { type JsonObject, listIn, objectIn, textIn } from '../json.ts';
import { KubeError } from './kube-error.ts';

/** A secret or certificate: itself, or the file it is in. */
export type Material = { readonly text: string } | { readonly file: string };

export interface Access {
  readonly server?: string;
  readonly token?: Material;
  readonly ca?: Material;
  readonly cert?: Material;
  readonly key?: Material;
  readonly serverName?: string;
  readonly skipVerify?: boolean;
}

/** Ways to authenticate that need a program to be run, or that no server takes any more. */
const refused: Readonly<Record<string, string>> = {
  exec: 'runs a program to authenticate, which this agent does not do: use a token or a client certificate',
  'auth-provider':
    'uses an authentication plugin, which Kubernetes removed in 1.26: use a token or a client certificate',
  username: 'has a password, which Kubernetes takes no more since 1.19: use a token or a client certificate',
  as: 'impersonates another user, which this agent does not do',
};

/** Reads one context of a kubeconfig file, or its current one. Paths in it are relative to its folder. */
export function readKubeconfig(text: string, of: { file: string; context?: string | undefined }): Access {
  const problem = (reason: string, cause?: unknown) =>
    new KubeError('credentials', `cannot use ${of.file}: ${reason}`, cause === undefined ? {} : { cause });
  let config: JsonObject;
  try {
    config = objectIn(parse(text, { maxAliasCount: 10 }));
  } catch (cause) {
    // The parser's own message shows the line, which may be a token.
    throw problem('it is no YAML', cause);
  }
  const named = (list: string, entry: string, name: string): JsonObject => {
    const found = listIn(config[list])
      .map(objectIn)
      .find((item) => item.name === name);
    if (found === undefined) throw problem(`it has no ${entry} "${name}"`);
    return objectIn(found[entry]);
  };
  const contextName = of.context ?? textIn(config['current-context']);
  if (contextName === undefined) throw problem('it has no current-context; the key "context" can name one');
  const context = named('contexts', 'context', contextName);
  const cluster = named('clusters', 'cluster', textIn(context.cluster) ?? '');
  const user = textIn(context.user) === undefined ? {} : named('users', 'user', textIn(context.user) ?? '');
  for (const [key, why] of Object.entries(refused))
    if (user[key] !== undefined) throw problem(`its user "${context.user}" ${why}`);
  if (cluster['proxy-url'] !== undefined)
    throw problem('its cluster is behind a proxy, which is not supported');

  const material = (place: JsonObject, inline: string, file: string): Material | undefined => {
    const data = textIn(place[inline]);
    if (data !== undefined) return { text: Buffer.from(data, 'base64').toString() };
    const path = textIn(place[file]);
    return path === undefined ? undefined : { file: resolve(dirname(of.file), path) };
  };
  const token = textIn(user.token);
  const tokenFile = textIn(user.tokenFile);
  const access = {
    server: textIn(cluster.server),
    serverName: textIn(cluster['tls-server-name']),
    skipVerify: cluster['insecure-skip-tls-verify'] === true || undefined,
    ca: material(cluster, 'certificate-authority-data', 'certificate-authority'),
    cert: material(user, 'client-certificate-data', 'client-certificate'),
    key: material(user, 'client-key-data', 'client-key'),
    token:
      token !== undefined
        ? { text: token }
        : tokenFile === undefined
          ? undefined
          : { file: resolve(dirname(of.file), tokenFile) },
  };
  return Object.fromEntries(Object.entries(access).filter(([, value]) => value !== undefined));
}
