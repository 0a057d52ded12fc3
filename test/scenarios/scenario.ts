import type { Stage } from './stage.ts';

/** A situation whose cause is known, and what has to be found about it. */
export interface Scenario {
  readonly name: string;
  /** That it runs, beside what every system has and this checkout builds. */
  readonly programs?: readonly string[];
  /** Why its label holds only where nothing else runs. */
  readonly alone?: string;

  /** Settings of the receiver `scheduler` under which its label holds, in YAML; absent: the defaults. */
  readonly scheduler?: string;
  /** Starts its loads; resolves when what has to be found can have been reported. */
  play(stage: Stage): Promise<Label>;
}

export interface Label {
  /** Findings that must have been reported, each the main one about its victim; the first is the scenario's. */
  readonly found: readonly Expected[];
  /** Cgroups about which nothing must have been found; where `found` is empty, the first is the scenario's victim. */
  readonly quiet?: readonly Cgroup[];
  /** Others that may have been, about the loads themselves. */
  readonly tolerated?: readonly Expected[];
  /** Findings that must have ended. */
  readonly ended?: readonly Expected[];
}

export interface Expected {
  readonly victim: Cgroup;
  readonly verdict: string;
  /** Absent: none. */
  readonly culprit?: Cgroup;
  /** Also right, where the kernel does not tell the two apart. */
  readonly orVerdict?: string;
  /** `earshot.finding.trend` when it ends. */
  readonly trend?: string;
  /** It has no onset from which time can be taken. */
  readonly isGradual?: true;
}

export interface Cgroup {
  readonly path: string;
}

/** A finding as the agent exported it. */
export interface Reported {
  readonly state: string;
  /** End of its window, ns since 1970. */
  readonly time: bigint;
  /** Path of the victim's cgroup, and of the culprit's. */
  readonly victim: string;
  readonly culprit: string | undefined;
  readonly verdict: string;
  /** Part of the wait that it explains. */
  readonly share: number;
  /** What other verdicts explain of the same wait. */
  readonly others: readonly { readonly verdict: string; readonly share: number }[];
  readonly trend: string | undefined;
  readonly body: string;
}
