/** A container by what its directory is called. */
export interface NamedContainer {
  readonly containerId: string;
  readonly runtime?: string;
  /** Where people call it something other than the id. */
  readonly name?: string;
}

/** Hex id of most runtimes; 32 hex and a number on ECS; uuid-like on Cloud Foundry. */
const generatedId = /^(?:[0-9a-f]{64}|[0-9a-f]{32}-\d{1,10}|[0-9a-f]{8}(?:-[0-9a-f]{4}){4})$/;
/** A step of an image build. */
const buildId = /^[0-9a-z]{25}$/;

/** In `<prefix>-<id>.scope`, and in `<slice>:<prefix>:<id>` of older runtimes. */
const prefixes = [
  ['cri-containerd', 'containerd'],
  ['crio', 'cri-o'],
  ['docker', 'docker'],
  ['libpod-payload', 'podman'],
  ['libpod', 'podman'],
  ['nerdctl', 'containerd'],
  ['kata', 'kata'],
] as const;
const runtimeOfPrefix: ReadonlyMap<string, string> = new Map(prefixes);

/** Directories of containers. `named`: at the root of the hierarchy, with any name. */
const directories: ReadonlyMap<string, { readonly runtime: string; readonly named: boolean }> = new Map([
  ['docker', { runtime: 'docker', named: true }],
  ['default', { runtime: 'containerd', named: true }],
  ['k8s.io', { runtime: 'containerd', named: true }],
  ['lxc', { runtime: 'lxc', named: true }],
  ['lxc.payload', { runtime: 'lxc', named: true }],
  ['mesos', { runtime: 'mesos', named: true }],
  ['garden', { runtime: 'garden', named: false }],
  ['buildkit', { runtime: 'buildkit', named: false }],
]);

type Describe = (...groups: readonly string[]) => NamedContainer;

/** Containers known by the form of the name alone. */
const forms: readonly (readonly [RegExp, Describe])[] = [
  [/^lxc\.payload\.(.+)$/, (id = '') => ({ containerId: id, runtime: 'lxc' })],
  [/^systemd-nspawn@(.+)\.service$/, (id = '') => ({ containerId: id, runtime: 'systemd-nspawn' })],
  // libvirt, with and without systemd; its number is another after each start
  [
    /^machine-((qemu|lxc|xen|ch)-\d+-(.+))\.scope$/,
    (id = '', runtime = '', name = '') => ({ containerId: id, runtime, name }),
  ],
  [
    /^((?:(?:qemu|lxc|xen|ch)-\d+-)?(.+))\.libvirt-(qemu|lxc|xen|ch)$/,
    (id = '', name = '', runtime = '') => ({ containerId: id, runtime, name }),
  ],
  [/^machine-(.+)\.scope$/, (id = '') => ({ containerId: id })],
  [
    /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.(.+))\.scope$/,
    (id = '', name = '') => ({ containerId: id, runtime: 'nomad', name }),
  ],
  [/^kata_([0-9a-f]{64})$/, (id = '') => ({ containerId: id, runtime: 'kata' })],
  // a runtime not listed above
  [/^.+-([0-9a-f]{64})\.scope$/, (id = '') => ({ containerId: id })],
];

const helpers = [
  [/^(?:(?:crio|libpod)-conmon-.+|conmon)$/, 'conmon'],
  [/^lxc\.(?:monitor|pivot)(?:\..+)?$/, 'lxc monitor'],
  [/^[0-9a-f]{64}(?:-[0-9a-f]+)?\.service$/, 'podman healthcheck'],
] as const;

/** What a runtime runs beside a container for its sake, by the name of the program. */
export function helperIn(segment: string): string | undefined {
  return helpers.find(([form]) => form.test(segment))?.[1];
}

/** Whether the segment at `i` is the directory of a container. */
export function containerIn(segments: readonly string[], i: number): NamedContainer | undefined {
  const segment = segments[i] ?? '';
  if (helperIn(segment) !== undefined || segment.endsWith('.mount')) return undefined;
  return (
    afterColons(segment) ??
    afterPrefix(segment) ??
    inDirectory(segments, i) ??
    byForm(segment) ??
    job(segments, i)
  );
}

/** Behind a slice any prefix is possible: `<slice>:<prefix>:<id>` is the notation for runtimes' systemd driver. */
function afterColons(segment: string): NamedContainer | undefined {
  const [slice = '', prefix = '', id] = segment.split(':', 4);
  const runtime = runtimeOfPrefix.get(prefix) ?? (slice.endsWith('.slice') ? prefix : undefined);
  return id && runtime ? { containerId: id, runtime } : undefined;
}

function afterPrefix(segment: string): NamedContainer | undefined {
  const name = segment.replace(/\.scope$/, '');
  for (const [prefix, runtime] of prefixes) {
    if (!name.startsWith(`${prefix}-`)) continue;
    const id = name.slice(prefix.length + 1);
    if (generatedId.test(id) || buildId.test(id)) return { containerId: id, runtime };
  }
  return undefined;
}

function inDirectory(segments: readonly string[], i: number): NamedContainer | undefined {
  const id = (segments[i] ?? '').replace(/\.scope$/, '');
  const directory = directories.get(segments[i - 1] ?? '');
  const isNamed = i === 1 && directory?.named && !directories.has(id);
  if (!generatedId.test(id) && !(directory && buildId.test(id)) && !isNamed) return undefined;
  return { containerId: id, ...(directory && { runtime: directory.runtime }) };
}

function byForm(segment: string): NamedContainer | undefined {
  for (const [form, describe] of forms) {
    const found = form.exec(segment);
    if (found) return describe(...found.slice(1));
  }
  return undefined;
}

/** A job of Slurm; its steps and tasks are below it. */
function job(segments: readonly string[], i: number): NamedContainer | undefined {
  const id = segments[i] ?? '';
  const isBelowSlurm = segments[i - 1]?.endsWith('slurmstepd.scope') || segments[i - 2] === 'slurm';
  return isBelowSlurm && /^job_\d+$/.test(id) ? { containerId: id, runtime: 'slurm' } : undefined;
}
