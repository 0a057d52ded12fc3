/** The kinds of network failures; each is explained in one sentence, and a client may add its remedy. */
export type NetworkFailure =
  | 'refused'
  | 'unknown_host'
  | 'no_route'
  | 'no_answer'
  | 'no_socket'
  | 'no_permission'
  | 'certificate_name'
  | 'certificate_issuer'
  | 'certificate_expired'
  | 'client_certificate'
  | 'key_material'
  | 'not_tls'
  | 'not_http'
  | 'not_http2'
  | 'large_head'
  | 'not_gzip'
  | 'closed';

export type NetworkReason =
  | 'unreachable'
  | 'forbidden'
  | 'tls_untrusted'
  | 'credentials'
  | 'invalid_response'
  | 'too_large'
  | 'connection_reset';

export interface Explanation {
  readonly failure: NetworkFailure;
  readonly reason: NetworkReason;
  readonly meaning: string;
}

type Row = readonly [pattern: RegExp, failure: NetworkFailure, reason: NetworkReason, meaning: string];

/** Codes and texts of Node.js, OpenSSL and grpc-js, and their meaning for an operator. The first that matches holds. */
const rows: readonly Row[] = [
  [/ECONNREFUSED/, 'refused', 'unreachable', 'connection refused; is anything listening there?'],
  [/Name resolution failed|ENOTFOUND|EAI_AGAIN/, 'unknown_host', 'unreachable', 'no such host'],
  [/EHOSTUNREACH|ENETUNREACH/, 'no_route', 'unreachable', 'no route to it'],
  [/ETIMEDOUT/, 'no_answer', 'unreachable', 'no answer'],
  [/ENOENT|ENOTSOCK/, 'no_socket', 'unreachable', 'its socket does not exist'],
  [/EACCES|EPERM/, 'no_permission', 'forbidden', 'no permission to connect'],
  [
    /ERR_TLS_CERT_ALTNAME_INVALID/,
    'certificate_name',
    'tls_untrusted',
    'its certificate is for another name; {}server_name_override names it',
  ],
  [
    /SELF.SIGNED|UNABLE.TO.VERIFY|UNABLE.TO.GET.(LOCAL.)?ISSUER|CERT_SIGNATURE_FAILURE/i,
    'certificate_issuer',
    'tls_untrusted',
    'its certificate is not trusted; {}ca_file names the authority that signed it',
  ],
  [/CERT(IFICATE)?.HAS.EXPIRED/i, 'certificate_expired', 'tls_untrusted', 'its certificate has expired'],
  [
    /CERTIFICATE.REQUIRED|HANDSHAKE.FAILURE|BAD.CERTIFICATE|UNKNOWN.CA/i,
    'client_certificate',
    'tls_untrusted',
    'it wants a client certificate it knows; {}cert_file and {}key_file name one',
  ],
  [
    /ERR_OSSL|ERR_PEM|PEM_read|KEY_VALUES_MISMATCH/,
    'key_material',
    'credentials',
    'certificate or key cannot be used',
  ],
  [
    /wrong version number|packet length too long|EPROTO/i,
    'not_tls',
    'invalid_response',
    'it does not speak TLS',
  ],
  [/HPE_HEADER_OVERFLOW/, 'large_head', 'too_large', 'the head of its answer is too large'],
  [/HPE_/, 'not_http', 'invalid_response', 'it does not speak HTTP'],
  [/Protocol error|HTTP\/2|ERR_HTTP2/i, 'not_http2', 'invalid_response', 'it does not speak gRPC'],
  [/Z_DATA_ERROR|Z_BUF_ERROR/, 'not_gzip', 'invalid_response', 'its answer is no gzip, though it says so'],
  [/Failed to connect|ECONNRESET|EPIPE/, 'closed', 'connection_reset', 'it closes the connection'],
];

/** `keys`: the prefix of TLS keys in the configuration, such as `tls::`. */
export function explainNetworkError(text: string, { keys = '' } = {}): Explanation | undefined {
  const row = rows.find(([pattern]) => pattern.test(text));
  if (row === undefined) return undefined;
  const [, failure, reason, meaning] = row;
  return { failure, reason, meaning: meaning.replaceAll('{}', keys) };
}
