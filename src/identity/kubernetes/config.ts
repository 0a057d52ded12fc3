import { duration } from '../../config/schema/duration.ts';
import { Type } from '../../config/schema/type.ts';
import { accessKeys } from './access-config.ts';

export const kubernetesConfig = Type.Object(
  {
    endpoint: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          "The API server; by default the one that the pod's environment or the kubeconfig file names.",
      }),
    ),
    node_name: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'The node whose pods are read; by default `$K8S_NODE_NAME`. Without either the source is absent.',
      }),
    ),
    owners: Type.Enum(['lookup', 'derive'], {
      default: 'lookup',
      description:
        'How to find the Deployment of a ReplicaSet and the CronJob of a Job: ask the API, or derive its name from theirs, which needs no rule for replicasets and jobs.',
    }),
    ...accessKeys,
  },
  { additionalProperties: false },
);

export const kubeletConfig = Type.Object(
  {
    endpoint: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'Where the kubelet listens, as `host:port` or `https://host:port`; by default port 10250 of `$NODE_IP`, else of `$K8S_NODE_NAME`, else of 127.0.0.1.',
      }),
    ),
    interval: duration({ default: '30s', minimum: '1s', description: 'Time between two lists of its pods.' }),
    timeout: duration({ default: '10s', minimum: '100ms', description: 'Time for one list.' }),
    ...accessKeys,
  },
  { additionalProperties: false },
);
