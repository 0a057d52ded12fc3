import type { Qos } from '../cgroup/path/path-identity.ts';

/**
 * Facts of sources about pods and containers, in the words of Kubernetes and of the container runtimes. Unknown fields are
 * left out; `IdentityStore` merges the facts of several sources.
 */
export interface PodFacts {
  readonly uid: string;
  /** Of a static pod: the hash that stands for the uid in the cgroup's path (annotation `kubernetes.io/config.hash`). */
  readonly configHash?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly node?: string;
  readonly qos?: Qos;
  /** RFC 3339. */
  readonly startTime?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** The nearest first: a ReplicaSet before its Deployment, a Job before its CronJob. */
  readonly owners?: readonly OwnerFacts[];
  /** Of the pod as a whole, where it has them. */
  readonly resources?: ResourceFacts;
  /** Resources of its containers by name: known before they have an id. */
  readonly containerResources?: Readonly<Record<string, ResourceFacts>>;
}

export interface OwnerFacts {
  readonly kind: string;
  readonly name: string;
  readonly uid?: string;
}

export interface ContainerFacts {
  /** As in the cgroup's path, without a scheme such as `containerd://`. */
  readonly id: string;
  /** In its pod (`k8s.container.name`), or in the runtime. */
  readonly name?: string;
  readonly runtime?: string;
  /** `init`: ends before the others begin; `sandbox`: holds the pod's namespaces (pause) and is no workload. */
  readonly role?: 'container' | 'init' | 'ephemeral' | 'sandbox';
  readonly podUid?: string;
  readonly image?: ImageFacts;
  readonly restartCount?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly resources?: ResourceFacts;
}

export interface ImageFacts {
  /** Without tag and digest: `registry.example/team/app`. */
  readonly name: string;
  readonly tag?: string;
  /** `sha256:…`. */
  readonly digest?: string;
}

/** In CPUs: 0.25 for `250m`. */
export interface ResourceFacts {
  readonly cpuRequest?: number;
  readonly cpuLimit?: number;
}
