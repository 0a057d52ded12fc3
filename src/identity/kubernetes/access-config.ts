import type { Static, TProperties } from 'typebox';
import type { ConfigProblem } from '../../component.ts';
import { readPem } from '../../config/schema/pem.ts';
import { keyPairProblems, tlsKeys } from '../../config/schema/tls.ts';
import { Type } from '../../config/schema/type.ts';

/** Endpoint, credentials and TLS of a kubelet or an API server: the keys of both sources. */
export const accessKeys = {
  auth_type: Type.Enum(['serviceAccount', 'kubeConfig', 'none'], {
    default: 'serviceAccount',
    description:
      "Credentials: the pod's service account, the user of a kubeconfig file, or none (a client certificate may still be set).",
  }),
  token_file: Type.Optional(
    Type.String({
      description: "Token to show; by default the service account's. Read again as it is rotated.",
    }),
  ),
  kubeconfig: Type.Optional(
    Type.String({ description: 'The kubeconfig file; by default `$KUBECONFIG`, else `~/.kube/config`.' }),
  ),
  context: Type.Optional(Type.String({ description: 'Context in it; by default its current one.' })),
  ...tlsKeys,
  ca_file: Type.Optional(
    Type.String({
      description:
        "Certificate authority of the server's certificate, PEM; by default the service account's or the kubeconfig's.",
    }),
  ),
  insecure_skip_verify: Type.Boolean({
    default: false,
    description: "TLS without verifying the server's certificate: any server gets the token and is believed.",
  }),
} satisfies TProperties;

const accessSchema = Type.Object(accessKeys);
export type AccessConfig = Static<typeof accessSchema>;

/** `host:port`, or a URL, of which the API's may have a path; undefined: neither. */
export function parseEndpoint(endpoint: string): URL | undefined {
  const text = /^[a-z][\w+.-]*:\/\//i.test(endpoint) ? endpoint : `https://${endpoint}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url?.search === '' && url.hash === '' && url.username === '' && url.password === '';
  return isPlain && (url.protocol === 'https:' || url.protocol === 'http:') ? url : undefined;
}

/** Problems that the schema cannot express. No message repeats a value: it may come from the environment. */
export function accessProblems(
  config: Readonly<AccessConfig> & { readonly endpoint?: string },
): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const { endpoint } = config;
  const url = endpoint === undefined ? undefined : parseEndpoint(endpoint);
  if (endpoint !== undefined && url === undefined)
    problems.push({
      path: ['endpoint'],
      message: endpoint.includes('@')
        ? 'must not hold credentials: use auth_type, or token_file'
        : 'is no address: write host:port or https://host:port',
    });
  if (url?.protocol === 'http:' && config.auth_type !== 'none')
    problems.push({
      path: ['endpoint'],
      message: 'would send the token unencrypted: use https://, or auth_type none',
    });
  // a file that cannot be read may come later
  problems.push(...readPem(config).unusable, ...keyPairProblems(config));
  if (config.auth_type !== 'kubeConfig')
    for (const key of ['kubeconfig', 'context'] as const)
      if (config[key] !== undefined)
        problems.push({ path: [key], message: 'is only looked at with auth_type kubeConfig' });
  return problems;
}
