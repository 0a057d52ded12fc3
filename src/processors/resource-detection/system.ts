import { lookup, lookupService, resolveCname, reverse } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { arch, networkInterfaces, release } from 'node:os';
import { parseEnv } from 'node:util';
import type { Machine } from '../../machine/machine.ts';
import type { Detected } from './clouds.ts';
import type { ResourceDetectionConfig } from './config.ts';

type HostnameSource = ResourceDetectionConfig['system']['hostname_sources'][number];

/** Go's names, which OpenTelemetry has too. */
const archNames: Readonly<Record<string, string>> = { x64: 'amd64', arm: 'arm32', ia32: 'x86' };

/** The host, also from a container that has its file system mounted. */
export async function detectSystem(machine: Machine, sources: readonly HostnameSource[]): Promise<Detected> {
  const [name, id, os] = await Promise.all([
    hostName(machine.name, sources),
    textOf(machine.hostFile('/etc/machine-id')),
    textOf(machine.hostFile('/etc/os-release')).then((text) => (text === undefined ? {} : parseEnv(text))),
  ]);
  const addresses = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ internal }) => !internal);
  const distinct = (all: readonly string[]) => (all.length > 0 ? [...new Set(all)] : undefined);
  return {
    'host.name': name,
    'host.id': id,
    'host.arch': archNames[arch()] ?? arch(),
    'host.ip': distinct(addresses.map(({ address }) => address)),
    'host.mac': distinct(addresses.map(({ mac }) => mac.toUpperCase().replaceAll(':', '-'))),
    'os.type': 'linux',
    'os.name': os.NAME,
    'os.version': os.VERSION_ID,
    'os.description': os.PRETTY_NAME && `${os.PRETTY_NAME} (Linux ${release()})`,
  };
}

/** Undefined: it cannot be read, or is empty. */
async function textOf(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim() || undefined;
  } catch {
    return undefined; // the host has no such file, or a container does not see it
  }
}

async function hostName(own: string, sources: readonly HostnameSource[]): Promise<string | undefined> {
  for (const source of sources) {
    const name = await nameFrom[source](own).catch(() => undefined); // the next one may have it
    if (name !== undefined) return name;
  }
  return undefined;
}

const nameFrom: Readonly<Record<HostnameSource, (own: string) => Promise<string | undefined>>> = {
  os: async (own) => own,
  async dns(own) {
    const { address } = await lookup(own);
    const { hostname } = await lookupService(address, 0);
    return hostname.includes('.') && hostname !== address && !isLoopback(hostname) ? hostname : undefined;
  },
  cname: async (own) => (await resolveCname(own))[0],
  lookup: async (own) => (await reverse((await lookup(own)).address)).find((name) => !isLoopback(name)),
};

/** Many hosts have their name at 127.0.0.1. */
const isLoopback = (name: string) => /^(?:localhost|ip6-)/.test(name);
