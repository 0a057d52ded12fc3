import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { redirectOf, routeTo } from '../../../../src/exporters/otlp-http/redirect.ts';
import { type OtlpHttpReceiver, startOtlpHttpReceiver } from '../../../lab/otlp-http-receiver.ts';
import { fixture, reasonOf, sendAll, tlsOn, tlsServer } from '../otlp-fixture.ts';
import { one, setUp } from './otlp-http-fixture.ts';

const secrets = { headers: { 'X-Api-Key': 's3cret' }, auth: { authenticator: 'a' } };
const secretsOf = ({ requests }: OtlpHttpReceiver) =>
  requests.map(({ headers }) => [headers['x-api-key'], headers.authorization]);
const all = ['s3cret', 'Bearer fake'];

async function another(t: TestContext, options?: Parameters<typeof startOtlpHttpReceiver>[0]) {
  const receiver = await startOtlpHttpReceiver(options);
  t.after(() => receiver.close());
  return receiver;
}

/** The same server by another name. */
const byName = ({ endpoint }: OtlpHttpReceiver) => endpoint.replace('127.0.0.1', 'localhost');
const to = (location: string, status = 308) => ({ status, headers: { location } });

describe('with 307 and 308', () => {
  for (const status of [307, 308])
    test(`${status}: the same request goes to the same host, with headers and credentials`, async (t) => {
      const { receiver, exporter } = await setUp(t, { settings: secrets });
      const other = await another(t);
      receiver.answer(to(`${other.endpoint}/new/v1/metrics?key=1`, status));
      assert.deepEqual(await sendAll(exporter, one), [{ kind: 'accepted' }]);
      assert.equal(other.requests[0]?.path, '/new/v1/metrics?key=1');
      assert.deepEqual(secretsOf(other), [all]);
      const [first, second] = [receiver, other].map(({ requests }) => requests[0]?.headers);
      for (const name of ['content-type', 'content-encoding', 'content-length', 'user-agent'])
        assert.equal(second?.[name], first?.[name], name);
    });

  test('the body arrives whole, at a relative address too', async (t) => {
    const { receiver, exporter } = await setUp(t);
    const other = await another(t);
    receiver.answer(to(`${other.endpoint}/a/v1/metrics`));
    other.answer(to('../../b/v1/metrics'));
    void other.until(() => other.requests.length === 1).then(() => other.answer({ status: 200 }));
    await sendAll(exporter, one);
    assert.deepEqual(
      other.requests.map(({ path }) => path),
      ['/a/v1/metrics', '/b/v1/metrics'],
    );
    assert.deepEqual(other.requests[1]?.metrics, receiver.requests[0]?.metrics);
    assert.equal(other.requests[1]?.metrics.length, 1);
  });

  test('another host gets the data, and neither headers nor credentials, nor does what comes behind it', async (t) => {
    const { receiver, exporter } = await setUp(t, { settings: secrets });
    const [stranger, last] = [await another(t), await another(t)];
    receiver.answer(to(`${byName(stranger)}/v1/metrics`));
    stranger.answer(to(`${last.endpoint}/v1/metrics`));
    assert.deepEqual(await sendAll(exporter, one), [{ kind: 'accepted' }]);
    assert.deepEqual([receiver, stranger, last].map(secretsOf), [
      [all],
      [[undefined, undefined]],
      [[undefined, undefined]],
    ]);
    stranger.answer({ status: 401 });
    const [outcome] = await sendAll(exporter, one);
    assert.match(
      reasonOf(outcome) ?? '',
      /answered 401 Unauthorized; it is the host of a redirect, which gets neither/,
    );
  });

  test('after ten of them the data are refused', async (t) => {
    const { receiver, exporter } = await setUp(t);
    receiver.answer(to('/v1/metrics'));
    const url = `${receiver.endpoint}/v1/metrics`;
    assert.deepEqual(await sendAll(exporter, one), [
      {
        ...{ kind: 'refused', code: '308' },
        reason: `${url} answered 308 Permanent Redirect; it redirects to ${url}, after 10 redirects`,
      },
    ]);
    assert.equal(receiver.requests.length, 11);
  });

  test('plaintext may lead to TLS, TLS never to plaintext', async (t) => {
    const tls = { ...tlsOn, ca_file: fixture('cert.pem') };
    const plain = await setUp(t, { settings: { tls } });
    const secure = await setUp(t, { settings: { tls }, server: { tls: tlsServer } });
    plain.receiver.answer(to(`${secure.receiver.endpoint}/v1/metrics`));
    assert.deepEqual(await sendAll(plain.exporter, one), [{ kind: 'accepted' }]);
    assert.equal(secure.receiver.requests.length, 1);

    const other = await another(t);
    secure.receiver.answer(to(`${other.endpoint}/v1/metrics?key=s3cret`));
    const [outcome] = await sendAll(secure.exporter, one);
    assert.equal(outcome?.kind, 'refused');
    assert.ok(
      reasonOf(outcome)?.endsWith(
        `; it redirects to ${other.endpoint}/v1/metrics, which is not encrypted: set another endpoint`,
      ),
    );
    assert.equal(other.requests.length, 0);
  });

  test('a host that cannot be reached is the one that is named', async (t) => {
    const { receiver, exporter } = await setUp(t);
    receiver.answer(to('http://127.0.0.1:1/v1/metrics'));
    const [outcome] = await sendAll(exporter, one);
    assert.equal(outcome?.kind, 'retry');
    assert.match(reasonOf(outcome) ?? '', /^cannot reach http:\/\/127\.0\.0\.1:1\/v1\/metrics: /);
  });
});

test('a redirect that would lose the data is refused with where it leads', async (t) => {
  const { receiver, exporter } = await setUp(t);
  for (const status of [301, 302, 303]) {
    receiver.answer(to('https://other.test/v1/metrics?key=s3cret', status));
    const [outcome] = await sendAll(exporter, one);
    assert.equal(outcome?.kind, 'refused');
    assert.match(
      reasonOf(outcome) ?? '',
      /; it redirects to https:\/\/other\.test\/v1\/metrics: set that as the endpoint$/,
    );
  }
  assert.equal(receiver.requests.length, 3);
});

test('a redirect to nowhere is a plain answer', () => {
  const route = routeTo(new URL('https://a.test/v1/metrics'));
  for (const location of [undefined, 'ftp://a.test/', 'https://', 'unix:///run/x.sock'])
    assert.equal(redirectOf(route, { status: 307, location }), undefined, location);
  assert.equal(redirectOf(route, { status: 200, location: '/x' }), undefined);
});

test('headers and credentials go to the first host and those below it', () => {
  const isTrusted = (...hosts: readonly string[]) => {
    let route = routeTo(new URL('https://a.test:4318/v1/metrics'));
    for (const host of hosts) {
      const next = redirectOf(route, { status: 307, location: `https://${host}/` });
      if (typeof next !== 'object') return assert.fail(`not followed: ${next}`);
      route = next;
    }
    return route.isTrusted;
  };
  for (const hosts of [
    ['A.test'],
    ['a.test:1'],
    ['b.a.test'],
    ['b.a.test', 'a.test'],
    ['b.a.test', 'c.a.test'],
  ])
    assert.equal(isTrusted(...hosts), true, String(hosts));
  for (const hosts of [
    ['test'],
    ['xa.test'],
    ['a.test.x'],
    ['b.test', 'a.test'],
    ['a.test@b.test'],
    ['[::1]'],
  ])
    assert.equal(isTrusted(...hosts), false, String(hosts));
});
