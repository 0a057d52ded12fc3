import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { imageConfig } from '../../scripts/image-config.ts';

const run = promisify(execFile);
const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');

/** What the DaemonSet asks for, of what can be had without Kubernetes. */
export interface PodRights {
  readonly capabilities: readonly string[];
  readonly user: number;
  readonly readOnlyRoot: boolean;
  readonly hostPid: boolean;
  /** Paths of the host, mounted read-only at the same place. */
  readonly hostPaths: readonly string[];
}

interface DaemonSet {
  readonly spec: { readonly template: { readonly spec: PodSpec } };
}

interface PodSpec {
  readonly hostPID?: boolean;
  readonly hostNetwork?: boolean;
  readonly containers: readonly {
    readonly securityContext: {
      readonly runAsUser: number;
      readonly readOnlyRootFilesystem: boolean;
      readonly capabilities: { readonly add: readonly string[] };
    };
    readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  }[];
  readonly volumes: readonly { readonly name: string; readonly hostPath?: { readonly path: string } }[];
}

/** As they stand in the manifest. */
export function daemonSetRights(): PodRights {
  const { spec } = (parse(read('config/kubernetes/base/daemon-set.yaml')) as DaemonSet).spec.template;
  const [container] = spec.containers;
  if (!container || spec.hostNetwork) throw new Error('the DaemonSet is not what this test knows');
  const { securityContext: security, volumeMounts } = container;
  const hostPaths = spec.volumes.flatMap(({ name, hostPath }) => {
    const mount = volumeMounts.find((mount) => mount.name === name);
    if (hostPath && mount?.mountPath !== hostPath.path)
      throw new Error(`${name} is mounted at another place than on the host`);
    return hostPath ? [hostPath.path] : [];
  });
  return {
    capabilities: security.capabilities.add,
    user: security.runAsUser,
    readOnlyRoot: security.readOnlyRootFilesystem,
    hostPid: spec.hostPID === true,
    hostPaths,
  };
}

export interface Outcome {
  /** Null: it was still running when it was stopped. */
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs the agent's image as a kubelet's runtime would, in a network of its own, until it ends or has printed `until`. */
export async function runAgent(
  folder: string,
  rights: PodRights,
  {
    config,
    until,
    limitMs = 60_000,
  }: { readonly config: string; readonly until: RegExp; readonly limitMs?: number },
): Promise<Outcome> {
  const id = `earshot-test-${process.pid}-agent`;
  const bundle = join(folder, 'bundle');
  const configFolder = join(folder, 'config');
  for (const directory of [bundle, configFolder]) mkdirSync(directory, { recursive: true });
  writeFileSync(join(configFolder, 'earshot.yaml'), config);
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(spec(id, rights, { folder, configFolder })));
  const child = spawn('runc', ['run', '--bundle', bundle, id], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [output, errors, ended] = ['', '', false];
  child.stdout.on('data', (data) => {
    output += data;
  });
  child.stderr.on('data', (data) => {
    errors += data;
  });
  const exit = new Promise<number | null>((resolve) =>
    child.on('exit', (code) => {
      ended = true;
      resolve(code);
    }),
  );
  try {
    const deadline = Date.now() + limitMs;
    while (!ended && !until.test(output) && Date.now() < deadline) await sleep(50);
    if (ended) return { code: await exit, output, errors };
    await run('runc', ['kill', id, 'TERM']);
    await exit;
    return { code: null, output, errors };
  } finally {
    await run('runc', ['delete', '--force', id]).catch(() => {}); // it is gone already
  }
}

/** https://github.com/opencontainers/runtime-spec, with what containerd and CRI-O mask and mount for every pod. */
function spec(id: string, rights: PodRights, at: { readonly folder: string; readonly configFolder: string }) {
  const dockerfile = imageConfig(read('Dockerfile'));
  const capabilities = rights.capabilities.map((name) => `CAP_${name}`);
  const bind = (source: string, destination = source) => ({
    ...{ type: 'bind', source, destination },
    options: ['rbind', 'ro'],
  });
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid: rights.user, gid: rights.user },
      args: [...(dockerfile.Entrypoint ?? []), 'run', '--config', '/etc/earshot/earshot.yaml'],
      env: ['PATH=/usr/bin'],
      cwd: '/',
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      noNewPrivileges: true,
    },
    root: { path: join(at.folder, 'root'), readonly: rights.readOnlyRoot },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=65536k'] },
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
      ...rights.hostPaths.filter((path) => existsSync(path)).map((path) => bind(path)),
      bind(at.configFolder, '/etc/earshot'),
    ],
    linux: {
      namespaces: ['mount', 'ipc', 'uts', 'network', ...(rights.hostPid ? [] : ['pid'])].map((type) => ({
        type,
      })),
      cgroupsPath: `/${id}`,
      maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/proc/sched_debug', '/sys/firmware'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  };
}
