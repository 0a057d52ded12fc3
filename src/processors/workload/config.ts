import type { Static, TObject } from 'typebox';
import type { ConfigProblem } from '../../component.ts';
import { duration } from '../../config/schema/duration.ts';
import { Type } from '../../config/schema/type.ts';
import { identityKeys, identityProblems, sourceSchemas } from '../../identity/config.ts';
import { extractProblems, extractSchema } from './extract.ts';
import { selectionProblems, selectionSchema } from './selection.ts';

const ownSchemas = {
  ...identityKeys,
  hold: duration({
    default: '3s',
    maximum: '1m',
    description:
      'How long data is held while a source may still name its cgroup or container; then it goes on with the names known. Later data waits behind it. 0: not at all.',
  }),
  max_held: Type.Integer({
    default: 100_000,
    minimum: 1,
    description: 'Data points or log records held at most; above that the oldest go on as they are.',
  }),
  cluster_name: Type.Optional(Type.String({ description: 'Sets `k8s.cluster.name`.' })),
  node_name: Type.Optional(
    Type.String({
      description: 'Sets `k8s.node.name` where no source has it, also outside pods.',
    }),
  ),
  service_labels: Type.Boolean({
    default: true,
    description:
      'Labels `app.kubernetes.io/instance`, `…/name` and `…/version` of a pod set its `service.name` and `service.version`, after annotations `resource.opentelemetry.io/…` and before owners.',
  }),
  pod_start_time: Type.Boolean({ default: false, description: 'Adds `k8s.pod.start_time`.' }),
  extract: extractSchema,
  ...selectionSchema,
  scope: Type.Enum(['node', 'pod'], {
    default: 'node',
    description: '`pod`: only the pod in which the agent runs is reported as a victim (sidecar).',
  }),
  pod_uid: Type.Optional(
    Type.String({
      description:
        "That pod, as in `${env:POD_UID}` from the downward API; default: the pod of the agent's own cgroup. For `scope: pod`.",
    }),
  ),
  neighbors: Type.Enum(['class', 'named'], {
    default: 'class',
    description:
      'How `scope: pod` shows culprits outside the own pod: only their kind and cause, or by name as well.',
  }),
};

export const workloadConfig = Type.Object(
  { ...ownSchemas, ...sourceSchemas },
  { additionalProperties: false },
);

export type WorkloadConfig = Static<TObject<typeof ownSchemas>>;

export function workloadProblems(config: WorkloadConfig): readonly ConfigProblem[] {
  const problem = (path: string, message: string): ConfigProblem => ({ path: [path], message });
  const { scope, neighbors, pod_uid: podUid } = config;
  return [
    ...identityProblems(config),
    ...(scope === 'node' && neighbors === 'named'
      ? [problem('neighbors', 'a node agent names all workloads: it is for "scope: pod"')]
      : []),
    ...(scope === 'pod' && podUid !== undefined && podUid !== '' && !isPodUid(podUid)
      ? [
          problem(
            'pod_uid',
            `${JSON.stringify(podUid)} is no uid of a pod: write "\${env:POD_UID}" and set it from metadata.uid`,
          ),
        ]
      : []),
    ...selectionProblems(config),
    ...extractProblems(config.extract),
  ];
}

/** As the API gives them, and the hash of a static pod. */
const isPodUid = (text: string) =>
  /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})$/.test(text);
