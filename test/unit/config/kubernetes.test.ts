import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { components } from '../../../src/components.ts';
import { loadConfig } from '../../../src/config/load.ts';

const folder = fileURLToPath(new URL('../../../config/kubernetes', import.meta.url));
const read = (path: string) => readFileSync(join(folder, path), 'utf8');

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string }[];
  readonly volumeMounts: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
  }[];
  readonly securityContext: object;
  readonly resources: object;
}

interface Volume {
  readonly name: string;
  readonly hostPath?: { readonly path: string };
  readonly emptyDir?: object;
}

interface Pods {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly Container[];
        readonly initContainers?: readonly Container[];
        readonly volumes: readonly Volume[];
      };
    };
  };
}

interface Role {
  readonly rules: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
}

const daemonSet = (parse(read('base/daemon-set.yaml')) as Pods).spec.template.spec;
const sidecar = (parse(read('sidecar/agent.yaml')) as Pods).spec.template.spec;
const { rules } = parse(read('base/cluster-role.yaml')) as Role;
const [agent] = daemonSet.containers;
const [beside] = sidecar.initContainers ?? [];
assert.ok(agent && beside);

for (const [name, container] of [
  ['base', agent],
  ['sidecar', beside],
] as const)
  test(`${name}: the shipped configuration is valid with the environment of the manifest`, () => {
    const watch = name === 'base' ? ['--watch'] : [];
    assert.deepEqual(container.args, ['run', '--config', '/etc/earshot/earshot.yaml', ...watch]);
    assert.ok(container.volumeMounts.some(({ mountPath }) => mountPath === '/etc/earshot'));
    const values: Readonly<Record<string, string>> = {
      OTLP_ENDPOINT: 'http://192.0.2.1:4317',
      POD_UID: 'f6f2d169-f2ae-4afa-95ed-06ff2ed6b288',
    };
    const environment = Object.fromEntries(container.env.map(({ name }) => [name, values[name] ?? 'x']));
    const { warnings } = loadConfig(
      { files: [join(folder, name, 'earshot.yaml')], sets: [], environment },
      components,
    );
    assert.deepEqual(warnings, []);
  });

test("the sidecar has no right beyond the node agent's", () => {
  const { runAsNonRoot, seccompProfile, ...security } = beside.securityContext as Record<string, unknown>;
  assert.deepEqual(security, agent.securityContext);
  assert.deepEqual(beside.resources, agent.resources);
  const paths = (volumes: readonly Volume[]) => volumes.flatMap(({ hostPath }) => hostPath?.path ?? []);
  for (const path of paths(sidecar.volumes)) assert.ok(paths(daemonSet.volumes).includes(path), path);
});

test('mounts of the host and of the configuration are read-only', () => {
  const ownMemory = daemonSet.volumes.filter(({ emptyDir }) => emptyDir).map(({ name }) => name);
  for (const { volumeMounts } of [agent, beside])
    for (const { name, readOnly } of volumeMounts)
      assert.equal(readOnly ?? false, !ownMemory.includes(name), name);
});

test('the role allows reading only, and no access to secrets or into pods', () => {
  for (const { resources, verbs } of rules) {
    for (const verb of verbs) assert.match(verb, /^(?:get|list|watch)$/);
    for (const resource of resources) assert.match(resource, /^(?:nodes\/pods|pods|replicasets|jobs)$/);
  }
});

test('each granted right has a row in the table of rights', () => {
  const rows = read('README.md')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|')[1] ?? '');
  const { capabilities } = agent.securityContext as {
    readonly capabilities: { readonly add: readonly string[] };
  };
  const granted = [
    ...capabilities.add,
    ...daemonSet.volumes.flatMap(({ hostPath }) => hostPath?.path ?? []),
    ...rules.flatMap(({ resources }) => resources),
    'hostPID',
    'runAsUser: 0',
  ];
  for (const right of granted)
    assert.ok(
      rows.some((row) => row.includes(`\`${right}\``)),
      `${right} has no row`,
    );
});

test('the commented lines for a storage are what it takes', () => {
  const uncommented = (path: string) => read(path).replace(/^( *)# ( *(?:- |\w+:))/gm, '$1$2');
  const { spec } = (parse(uncommented('base/daemon-set.yaml')) as Pods).spec.template;
  const mount = spec.containers[0]?.volumeMounts.find(({ name }) => name === 'state');
  assert.ok(
    spec.volumes.some(({ name, hostPath }) => name === 'state' && hostPath?.path === mount?.mountPath),
  );
  const { extensions, connectors } = loadConfig(
    {
      files: ['earshot.yaml'],
      sets: [],
      environment: { K8S_NODE_NAME: 'node1', OTLP_ENDPOINT: 'http://10.0.0.1:4317' },
      readFile: () => uncommented('base/earshot.yaml'),
    },
    components,
  );
  assert.equal(connectors.get('noisy_neighbor')?.config.storage, 'file_storage');
  assert.equal(extensions.get('file_storage')?.config.directory, mount?.mountPath);
});
