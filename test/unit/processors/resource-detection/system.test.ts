import assert from 'node:assert/strict';
import dns from 'node:dns/promises';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, mock, test } from 'node:test';
import { added, opening } from './detection-fixture.ts';

afterEach(() => {
  mock.restoreAll();
  syncBuiltinESMExports();
});

const rootPath = mkdtempSync(join(tmpdir(), 'earshot-host-'));
after(() => rmSync(rootPath, { recursive: true }));
mkdirSync(join(rootPath, 'etc'));
writeFileSync(join(rootPath, 'etc/machine-id'), 'abc123\n');
writeFileSync(
  join(rootPath, 'etc/os-release'),
  'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nNAME="Debian GNU/Linux"\nVERSION_ID="13"\n',
);
const on = (...keys: readonly string[]) => Object.fromEntries(keys.map((key) => [key, { enabled: true }]));

test('system: name and type of the host, and what else is wanted', async () => {
  const keys = ['host.id', 'os.name', 'os.version', 'os.description', 'host.arch'];
  const system = { hostname_sources: ['os'], resource_attributes: on(...keys) };
  assert.deepEqual(
    await added(opening({ detectors: ['system'], system: { hostname_sources: ['os'] } }).opened),
    {
      'host.name': 'node1',
      'os.type': 'linux',
    },
  );
  const { 'host.arch': arch, ...rest } = await added(
    opening({ detectors: ['system'], system }, {}, rootPath).opened,
  );
  assert.match(String(arch), /^(amd64|arm64)$/);
  assert.deepEqual(rest, {
    'host.name': 'node1',
    'os.type': 'linux',
    'host.id': 'abc123',
    'os.name': 'Debian GNU/Linux',
    'os.version': '13',
    'os.description': `Debian GNU/Linux 13 (trixie) (Linux ${release()})`,
  });
});

test('system: addresses are lists', async () => {
  const system = { hostname_sources: ['os'], resource_attributes: on('host.ip', 'host.mac') };
  const { 'host.ip': ip = [], 'host.mac': mac = [] } = await added(
    opening({ detectors: ['system'], system }).opened,
  );
  assert.ok(Array.isArray(ip) && Array.isArray(mac));
  for (const address of mac) assert.match(String(address), /^([0-9A-F]{2}-){5}[0-9A-F]{2}$/);
});

/** Name server and hosts file answer this. */
function names(full: string | Error) {
  mock.method(dns, 'lookup', async () => ({ address: '10.0.0.7', family: 4 }));
  mock.method(dns, 'lookupService', async () => {
    if (full instanceof Error) throw full;
    return { hostname: full, service: '0' };
  });
  syncBuiltinESMExports();
}

for (const [what, full, expected] of [
  ['the full name', 'node1.example.org', 'node1.example.org'],
  ['no name', new Error('ENOTFOUND'), 'node1'],
  ['a name without a domain', 'node1', 'node1'],
  ['only the address', '10.0.0.7', 'node1'],
  ['the loopback', 'localhost.localdomain', 'node1'],
] as const)
  test(`system: the name server knows ${what}`, async () => {
    names(full);
    const { 'host.name': name } = await added(opening({ detectors: ['system'] }).opened);
    assert.equal(name, expected);
  });
