import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, lastWords, runningPid, startDaemon } from './daemons.ts';

/**
 * The node has a network and mounts of its own. So its ports are the usual ones and free, its sockets and folders are
 * where every node has them, and with its last process all of that is gone.
 */

/** Addresses reserved for tests of networks (RFC 2544): no real network has them. */
export const addresses = {
  host: '198.19.0.1',
  node: '198.19.0.2',
  pods: '198.18.0.0/24',
  services: '198.18.1.0/24',
  /** The first of the services, by which pods reach the API server. */
  apiService: '198.18.1.1',
  /** Nobody answers there. */
  dns: '198.18.1.10',
} as const;

const link = 'earshot-node';
const holder = 'namespaces';
/** Where the node writes; on its own mounts these are folders of the state folder. */
const writable = ['/run', '/var/lib', '/var/log'] as const;

/** What a folder of the node is called outside. */
export const outside = (state: string, path: string) => join(state, 'root', path);

export async function createNamespaces(state: string): Promise<void> {
  for (const folder of writable) mkdirSync(outside(state, folder), { recursive: true });
  const setUp = [
    'set -e',
    'mount --make-rshared /', // as on any node; outside nothing of it shows
    ...writable.map((folder) => `mount --bind ${outside(state, folder)} ${folder}`),
    'ip link set lo up',
    `ip address add ${addresses.apiService}/32 dev lo`,
    'echo 1 >/proc/sys/net/ipv4/ip_forward',
    `readlink /proc/self/ns/mnt >${mountsFile(state)}`,
    'exec sleep infinity',
  ].join('\n');
  startDaemon(state, holder, {
    file: 'unshare',
    args: ['--net', '--mount', '--propagation', 'slave', 'sh', '-c', setUp],
  });
  await ready(state);
  const pid = holderPid(state);
  const ip = (command: string) => execFileSync('ip', command.split(' '), { stdio: 'pipe' });
  ip(`link add ${link} type veth peer name eth0 netns ${pid}`);
  ip(`address add ${addresses.host}/30 dev ${link}`);
  ip(`link set ${link} up`);
  const inside = (command: string) => {
    const { file, args } = insideNode(state, { file: 'ip', args: command.split(' ') });
    execFileSync(file, args, { stdio: 'pipe' });
  };
  inside(`address add ${addresses.node}/30 dev eth0`);
  inside('link set eth0 up');
  inside(`route add default via ${addresses.host}`);
  ip(`route add ${addresses.pods} via ${addresses.node}`);
}

/** The same command as a process of the node. Its working directory is the node's root. */
export function insideNode(state: string, { file, args, ...rest }: Command): Command {
  const target = ['--target', String(holderPid(state)), '--net', '--mount'];
  return { ...rest, file: 'nsenter', args: [...target, file, ...args] };
}

export const namespaceHolder = holder;

/** Left only where the last process in the node's network has not ended. */
export function removeLink(): void {
  try {
    execFileSync('ip', ['link', 'delete', link], { stdio: 'pipe' });
  } catch {
    // gone with its other end
  }
}

function holderPid(state: string): number {
  const pid = runningPid(state, holder);
  if (pid === undefined) throw new Error(`cannot enter the node: it is not up\n${lastWords(state, holder)}`);
  return pid;
}

const mountsFile = (state: string) => join(state, 'mounts');

/** Names the node's mounts as `/proc/PID/ns/mnt` does, for as long as anything of it runs. */
export function mountsOf(state: string): string | undefined {
  const file = mountsFile(state);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}

async function ready(state: string): Promise<void> {
  for (let attempt = 0; !mountsOf(state); attempt++) {
    if (attempt > 100 || runningPid(state, holder) === undefined)
      throw new Error(`cannot make the node's namespaces: ${lastWords(state, holder)}`);
    await sleep(50);
  }
}
