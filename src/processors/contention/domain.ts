import type { UnjudgedReason } from './emits.ts';
import type { Group, Party, Rival } from './party.ts';

/**
 * A victim and those of its culprits with which it can be compared, as they compete in the hierarchy. Holds until the next
 * domain is made of the same groups.
 */
export interface Domain {
  readonly victim: Party;
  readonly rivals: readonly Rival[];
  readonly root: Group;
}

/** Called for each culprit that cannot be compared with the victim. */
export type Leave = (reason: UnjudgedReason, culprit: Rival) => void;

/** As the kernel's least shares, 2 of 1024. */
const leastRequest = 2 / 1024;

export function domainOf(victim: Party, culprits: readonly Rival[], leave: Leave): Domain | undefined {
  const own = victim.group;
  if (own === undefined) {
    for (const culprit of culprits) leave('path_unknown', culprit);
    return undefined;
  }
  const left: Rival[] = [];
  const leaveOut: Leave = (reason, culprit) => {
    leave(reason, culprit);
    left.push(culprit);
  };
  const top = placeAll(victim, own, { culprits, leave: leaveOut });
  leaveLoose(top, victim, leaveOut);
  leaveUnweighed(top, leaveOut);
  if (left.length > 0) markPartial(left, culprits);
  const root = leaveOutside(own, leave);
  const rivals: Rival[] = [];
  collect(root, rivals);
  return { victim, rivals, root };
}

/** Gives each party its group, and returns the root. */
function placeAll(
  victim: Party,
  own: Group,
  { culprits, leave }: { readonly culprits: readonly Rival[]; readonly leave: Leave },
): Group {
  const domain = {};
  enter(own, domain);
  own.party = victim;
  let root = own;
  for (; root.parent; root = root.parent) root.isAboveVictim = true;
  for (const culprit of culprits) {
    const { group, isReported } = culprit.party;
    if (group) enter(group, domain);
    if (!group) leave('path_unknown', culprit);
    else if (!isReported) leave('not_reported', culprit);
    else if (group.party) leave('loose_tasks', culprit);
    else {
      group.party = culprit.party;
      group.rival = culprit;
    }
  }
  return root;
}

function enter(group: Group, domain: object): void {
  const { parent } = group;
  if (group.domain === domain) return;
  group.domain = domain;
  group.party = undefined;
  group.rival = undefined;
  group.members.length = 0;
  group.isAboveVictim = false;
  group.isPartial = false;
  if (!parent) return;
  enter(parent, domain);
  parent.members.push(group);
}

/** Tasks beside groups count one by one, and how many of them run is not known. */
function leaveLoose(group: Group, victim: Party, leave: Leave): void {
  if (group.members.length === 0) return;
  if (group.party === victim) {
    for (const member of group.members) leaveAll(member, 'loose_tasks', leave);
    group.members = [];
  } else if (group.rival) {
    leave('loose_tasks', group.rival);
    group.party = undefined;
    group.rival = undefined;
  }
  for (const member of group.members) leaveLoose(member, victim, leave);
}

/** Siblings are compared by their weights, or all by their requests. */
function leaveUnweighed(group: Group, leave: Leave): void {
  const { members } = group;
  if (!areWeighed(members) && !areRequested(members)) {
    const own = members.find((member) => member.isAboveVictim);
    const isAlone = own !== undefined && own.ownWeight === undefined;
    group.members = isAlone ? [own] : members.filter(({ ownWeight }) => ownWeight !== undefined);
    for (const member of members)
      if (!group.members.includes(member)) leaveAll(member, 'weight_unknown', leave);
  }
  for (const member of group.members) leaveUnweighed(member, leave);
}

const areWeighed = (members: readonly Group[]) =>
  members.length < 2 || members.every(({ ownWeight }) => ownWeight !== undefined);
/** Containers themselves: what a pod as a whole requests is not known. */
const areRequested = (members: readonly Group[]) =>
  members.every(({ isJoined, party }) => !isJoined && party?.request !== undefined);

/** Of the victim's time behind its culprits, of each at most what it ran: what those left out may take without being missed. */
const negligible = 0.01;

/** Groups of which a culprit that is left out may have had a part that matters: no share there is larger than its demand. */
function markPartial(left: readonly Rival[], culprits: readonly Rival[]): void {
  let most = negligible * culprits.reduce((sum, { blame, party }) => sum + Math.min(blame, party.ran), 0);
  for (const { party } of left) {
    const demand = party.isReported ? party.ran + party.waited : Number.POSITIVE_INFINITY;
    if (demand <= most) most -= demand;
    else
      for (let group = party.group; group && !group.isPartial; group = group.parent) group.isPartial = true;
  }
}

/**
 * Of what the victim's group got, a culprit that is left out in it had an unknown part: then the victim is not compared
 * with those outside. Returns the group in which it is compared.
 */
function leaveOutside(own: Group, leave: Leave): Group {
  let root = own;
  while (!root.isPartial && root.parent) root = root.parent;
  for (let inner = root; inner.parent; inner = inner.parent)
    for (const member of inner.parent.members) if (member !== inner) leaveAll(member, 'group_unknown', leave);
  return root;
}

function leaveAll(group: Group, reason: UnjudgedReason, leave: Leave): void {
  if (group.rival) leave(reason, group.rival);
  for (const member of group.members) leaveAll(member, reason, leave);
}

function collect(group: Group, rivals: Rival[]): void {
  if (group.rival) rivals.push(group.rival);
  for (const member of group.members) collect(member, rivals);
}

/** Sets weights and demands of all below a group, and the group's own demand. */
export function claim(group: Group, demandOf: (party: Party) => number): void {
  const { party, members } = group;
  if (party) {
    group.demand = demandOf(party);
    return;
  }
  const isByWeight = areWeighed(members);
  group.demand = 0;
  for (const member of members) {
    claim(member, demandOf);
    const request = member.party?.request ?? 0;
    member.weight = isByWeight ? (member.ownWeight ?? 1) : Math.max(request, leastRequest);
    group.demand += member.demand;
  }
}
