export type Qos = 'guaranteed' | 'burstable' | 'besteffort';

/** The identity in a cgroup's path. Layouts and their origins: `test/unit/cgroup/path/cgroup-paths.ts`. */
export interface PathIdentity {
  /**
   * `container`: a container of any runtime, also a virtual machine or a batch job. `service`: a unit of systemd, a
   * helper, or what takes a service's place on nodes without systemd. `cgroup`: the path has no meaning.
   */
  readonly kind: 'container' | 'pod' | 'service' | 'user' | 'scope' | 'slice' | 'root' | 'cgroup';
  readonly containerId?: string;
  readonly runtime?: string;
  readonly podUid?: string;
  /** Unknown where the path begins inside the pod's class. */
  readonly qos?: Qos;
  /** systemd unit. */
  readonly unit?: string;
  /** What people call it, where that is neither the id nor the unit. */
  readonly name?: string;
  /** A process that the runtime keeps for a container (conmon), not the container itself. */
  readonly isHelper?: boolean;
}
