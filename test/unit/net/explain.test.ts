import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainNetworkError } from '../../../src/net/explain.ts';
import { requestError } from '../../../src/net/request-error.ts';

/** Texts as Node.js 24 and grpc-js 1.14 give them. */
const examples = [
  ['connect ECONNREFUSED 127.0.0.1:4317', 'refused', 'unreachable'],
  ['getaddrinfo ENOTFOUND nowhere.invalid', 'unknown_host', 'unreachable'],
  ['Name resolution failed for target dns:nowhere.invalid:4317', 'unknown_host', 'unreachable'],
  ['connect ENOENT /run/containerd/containerd.sock', 'no_socket', 'unreachable'],
  ['connect EACCES /run/docker.sock', 'no_permission', 'forbidden'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT self-signed certificate', 'certificate_issuer', 'tls_untrusted'],
  ['self-signed certificate in certificate chain', 'certificate_issuer', 'tls_untrusted'],
  ['unable to get local issuer certificate', 'certificate_issuer', 'tls_untrusted'],
  ['CERT_HAS_EXPIRED certificate has expired', 'certificate_expired', 'tls_untrusted'],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'client_certificate', 'tls_untrusted'],
  ['EPROTO write EPROTO: error:0A00010B:SSL routines::wrong version number', 'not_tls', 'invalid_response'],
  ['HPE_HEADER_OVERFLOW Parse Error: Header overflow', 'large_head', 'too_large'],
  ['HPE_INVALID_CONSTANT Parse Error: Expected HTTP/', 'not_http', 'invalid_response'],
  ['Error: Protocol error', 'not_http2', 'invalid_response'],
  ['read ECONNRESET', 'closed', 'connection_reset'],
] as const;
for (const [text, failure, reason] of examples)
  test(`"${text}" is explained as ${failure}, reason ${reason}`, () => {
    const explanation = explainNetworkError(text);
    assert.equal(explanation?.failure, failure);
    assert.equal(explanation.reason, reason);
  });

test('an unknown text has no explanation', () => {
  assert.equal(explainNetworkError('a bug'), undefined);
});

test('remedies name TLS keys as the configuration writes them', () => {
  const text = 'DEPTH_ZERO_SELF_SIGNED_CERT';
  assert.match(explainNetworkError(text)?.meaning ?? '', / ca_file names/);
  assert.match(explainNetworkError(text, { keys: 'tls::' })?.meaning ?? '', / tls::ca_file names/);
});

test('an error outside of the network has the reason "error", with its cause', () => {
  const bug = new TypeError('no function');
  const error = requestError(bug);
  assert.equal(error.reason, 'error');
  assert.equal(error.cause, bug);
});
