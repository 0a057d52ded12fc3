import type { CgroupWeights } from '../../cgroup/weights.ts';
import type { Group } from './party.ts';

/** The groups of all parties of one reading. */
export class Groups {
  readonly #weights: Pick<CgroupWeights, 'find'>;
  readonly #groups = new Map<string, Group>([['/', groupBelow(undefined, undefined)]]);

  constructor(weights: Pick<CgroupWeights, 'find'>) {
    this.#weights = weights;
  }

  /** The group to which the tasks of a cgroup belong. */
  ofTasks(path: string): Group {
    const group = this.#at(path);
    group.hasTasks = true;
    return group;
  }

  /** When all parties have theirs: a group that is alone below one without tasks stands for both. */
  join(): void {
    // parents come first
    for (const group of this.#groups.values()) {
      const { parent } = group;
      if (!parent?.parent || parent.children > 1 || parent.hasTasks) continue;
      group.parent = parent.parent;
      group.ownWeight = parent.ownWeight;
      group.isJoined = true;
    }
  }

  #at(path: string): Group {
    const known = this.#groups.get(path);
    if (known) return known;
    const parent = this.#at(path.slice(0, path.lastIndexOf('/')) || '/');
    const weight = this.#weights.find(path);
    const group = weight === 'none' ? parent : groupBelow(parent, weight);
    this.#groups.set(path, group);
    return group;
  }
}

function groupBelow(parent: Group | undefined, ownWeight: number | undefined): Group {
  if (parent) parent.children++;
  return {
    parent,
    ownWeight,
    isJoined: false,
    hasTasks: false,
    children: 0,
    domain: undefined,
    party: undefined,
    rival: undefined,
    members: [],
    isAboveVictim: false,
    isPartial: false,
    weight: 1,
    demand: 0,
    share: 0,
  };
}
