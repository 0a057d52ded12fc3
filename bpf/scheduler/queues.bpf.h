/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Before 6.18: when whole queues were throttled. A quota stops all groups below it together, so their
 * intervals are those of the nearest group with one. An interval begins
 *
 *  - when a task below the quota leaves the CPU, to wait or to sleep, as it is used up then;
 *  - when the first task is queued there while it is used up. No program is called for it: the growth since
 *    the group was last looked at shows it when a task gets the CPU, or moves, and the stamps of those that
 *    wait say when it began;
 *  - when a task below a quota further up leaves the CPU, which uses that up: see that quota's intervals.
 *
 * Growth that none of these explains has a length and no beginning (SOMETIME).
 */
#ifndef EARSHOT_QUEUES_H
#define EARSHOT_QUEUES_H

#include "throttle.bpf.h"

/* Tasks that are looked at for the first that was queued; with more on a CPU it is not known. */
#define QUEUED_TASKS 24

/* The earlier of `first` and the stamp of the task whose node in the list that is, if it is below the group
 * of walk.quotas. */
__noinline u64 earlier_stamp(u32 row, u64 node, u64 first)
{
	struct cpu *here = cpu_at(row);
	struct task_struct *task;
	struct sched_entity *se;
	u64 queued;

	if (!here)
		return first;
	task = (struct task_struct *)(node - bpf_core_field_offset(struct task_struct, se.group_node));
	queued = BPF_CORE_READ(task, sched_info.last_queued);
	if (!queued || queued >= first)
		return first;
	se = &task->se;
#pragma clang loop unroll(disable)
	for (int level = 0; level < LEVELS; level++) {
		if ((u64)BPF_CORE_READ(se, cfs_rq) == here->walk.quotas.on)
			return queued;
		se = BPF_CORE_READ(se, parent);
		if (!se)
			break;
	}
	return first;
}

/*
 * When the first task was queued of those that wait for the group of walk.quotas, or run for it now; 0 if
 * that is not known. The lock of the run queue is held.
 */
__noinline u64 read_first_queued(u32 row)
{
	struct cpu *here = cpu_at(row);
	struct list_head *tasks, *node;
	struct cfs_rq *on;
	struct rq *rq;
	u64 first;

	if (!here)
		return 0;
	on = (struct cfs_rq *)here->walk.quotas.on;
	rq = BPF_CORE_READ(on, rq);
	tasks = node = &rq->cfs_tasks;
	first = here->walk.queued;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i <= QUEUED_TASKS; i++) {
		node = BPF_CORE_READ(node, next);
		if (node == tasks)
			return first;
		first = earlier_stamp(row, (u64)node, first);
	}
	return 0;
}

enum above {
	ABOVE_NOTHING,
	ABOVE_KNOWN,
	ABOVE_UNKNOWN, /* when the group could not run because of it */
};

/* Since when all that is known of the group's throttling is how long it was: fills walk.known_from, and
 * walk.since with the totals then. 0: it has not been throttled since. */
__noinline int read_known(u32 row)
{
	struct cpu *here = cpu_at(row);
	struct throttle *throttle;
	struct interval *newest;

	if (!here)
		return 0;
	throttle = throttle_at(here->walk.throttle);
	if (!throttle)
		return 0;
	here->walk.goes_on = throttle->was_open || has_begun_since(throttle);
	if (here->walk.goes_on) {
		newest = interval_before(throttle, 0);
		here->walk.known_from = newest->start & ~SOMETIME;
		copy_quotas(here->walk.since, newest->throttled);
	} else {
		here->walk.known_from = throttle->seen_at;
		copy_quotas(here->walk.since, throttle->seen);
	}
	return here->walk.until[0] > here->walk.since[0];
}

/*
 * Throttling by the quota `level` above that of the group, while its own tasks waited, began when another
 * task below that quota left the CPU: adds an interval to the group's, if it is the only one since
 * walk.known_from. It is not, if what the group was throttled before it has no beginning. Unless `is_owner`
 * nothing is added, and it is not known.
 */
__noinline int take_from_above(u32 row, u32 level, u32 is_owner)
{
	struct cpu *here = cpu_at(row);
	struct throttle *throttle, *above;
	u64 start, since, grown, whole, own, upper, totals[QUOTAS];
	struct interval *begun;

	if (!here || level >= here->walk.quotas.count)
		return ABOVE_NOTHING;
	whole = here->walk.until[0] - here->walk.since[0];
	grown = here->walk.until[1] - here->walk.since[1];
	upper = here->walk.until[2] - here->walk.since[2];
	if (level == 1 && here->walk.quotas.count > 2 && grown <= upper)
		return ABOVE_NOTHING; /* that of the quota above it */
	if (level != 1)
		grown = upper;
	if (!grown)
		return ABOVE_NOTHING;
	if (level != 1 && here->walk.quotas.is_merged)
		return ABOVE_UNKNOWN;
	throttle = throttle_at(here->walk.throttle);
	above = throttle_at(find_throttle(
		level == 1 ? here->walk.quotas.serial[1] : here->walk.quotas.serial[2], here->walk.source));
	if (!throttle || !above)
		return ABOVE_UNKNOWN;
	begun = interval_before(above, 0);
	start = begun->start & ~SOMETIME;
	since = here->walk.known_from;
	if (start < since || (start == since && here->walk.goes_on))
		return here->walk.goes_on || knows_beginning() ? ABOVE_NOTHING : ABOVE_UNKNOWN;
	grown = (level == 1 ? here->walk.until[1] : here->walk.until[2]) - begun->throttled[0];
	own = whole - grown;
	if ((s64)own < 0) /* no task of the group was queued yet */
		return here->walk.goes_on ? ABOVE_UNKNOWN : ABOVE_NOTHING;
	if (here->walk.goes_on && own >= start - since) /* one after the other */
		return ABOVE_NOTHING;
	if (own && (!here->walk.goes_on || (interval_before(above, 1)->start & ~SOMETIME) > since))
		return ABOVE_UNKNOWN;
	if (begun->start != start || !is_owner)
		return ABOVE_UNKNOWN;
	totals[0] = here->walk.until[0] - grown;
	totals[1] = level == 1 ? begun->throttled[0] : here->walk.until[1] - grown;
	totals[2] = level == 1 ? begun->throttled[1] : begun->throttled[0];
	push_interval(throttle, start, totals);
	return ABOVE_KNOWN;
}

/* By any quota. What is not known of one is of the newest interval, so none may be added after that. */
static __always_inline int take_from_all_above(u32 row, u32 is_owner)
{
	int above = take_from_above(row, 1, is_owner), further;

	if (above == ABOVE_KNOWN)
		read_known(row);
	further = take_from_above(row, 2, is_owner && above != ABOVE_UNKNOWN);
	if (further == ABOVE_KNOWN)
		read_known(row);
	return above | further;
}

static __always_inline bool is_throttled_now(struct cpu *here)
{
	/* apart from BPF_CORE_READ, which would relocate the path through `walk` too */
	struct cfs_rq *on = (struct cfs_rq *)here->walk.quotas.on;

	return BPF_CORE_READ(on, throttle_count) > 0;
}

/* When throttling that goes on began, if what it has been since walk.known_from is all of that; or 0. */
static __always_inline u64 began_at(struct cpu *here)
{
	u64 start = here->walk.to - (here->walk.until[0] - here->walk.since[0]);
	struct cfs_rq *on = (struct cfs_rq *)here->walk.quotas.on;
	u64 since = throttled_since(on);

	return since && since != start ? 0 : start;
}

/*
 * Notes throttling up to walk.to that no task of the group saw begin, as it was queued then or came later;
 * `is_open`: it goes on.
 */
__noinline int note_unseen(u32 row, u32 is_open)
{
	struct cpu *here = cpu_at(row);
	struct throttle *throttle;
	u64 start = 0;
	int above;

	if (!here || !read_known(row))
		return 0;
	above = take_from_all_above(row, 1);
	throttle = throttle_at(here->walk.throttle);
	if (!throttle)
		return 0;
	if (here->walk.goes_on) {
		if (!(above & ABOVE_UNKNOWN))
			return 0;
		interval_before(throttle, 0)->start |= SOMETIME;
	} else {
		if (above == ABOVE_NOTHING)
			start = is_open ? began_at(here) : read_first_queued(row);
		if (start + (here->walk.until[0] - here->walk.since[0]) > here->walk.to)
			start = 0; /* it was throttled as one of its tasks ran on in the kernel */
		if (start < throttle->seen_at)
			start = throttle->seen_at | SOMETIME;
		push_interval(throttle, start, throttle->seen);
		if (!(start & SOMETIME))
			return 0;
	}
	/* and not from now on; if it goes on, from now on it is known */
	push_interval(throttle, is_open ? here->walk.to : here->walk.to | SOMETIME, here->walk.until);
	return 0;
}

/* Brings up to date what is known of the group of walk.throttle. */
static __always_inline void look(u32 row, struct cpu *here)
{
	bool is_open = is_throttled_now(here);
	struct throttle *throttle;

	copy_quotas(here->walk.until, here->walk.quotas.throttled);
	note_unseen(row, is_open);
	throttle = throttle_at(here->walk.throttle);
	if (!throttle)
		return;
	copy_quotas(throttle->seen, here->walk.until);
	throttle->seen_at = here->walk.to;
	throttle->was_open = is_open;
	throttle->newest_seen = throttle->newest;
}

/* The same of a group above, on whose queue `entity` is. */
static __always_inline void look_at(u32 row, struct cpu *here, u64 entity)
{
	read_quotas_of(row, entity, here->walk.to);
	here->walk.throttle = find_throttle(here->walk.quotas.serial[0], here->walk.source);
	look(row, here);
}

/* The same of the groups with a quota above that of walk.quotas, if that was throttled: by one of theirs,
 * perhaps. */
__noinline int look_above(u32 row)
{
	struct cpu *here = cpu_at(row);
	struct throttle *throttle;
	u64 second, third;

	if (!here)
		return 0;
	here->walk.throttle = find_throttle(here->walk.quotas.serial[0], here->walk.source);
	throttle = throttle_at(here->walk.throttle);
	copy_quotas(here->walk.until, here->walk.quotas.throttled);
	if (throttle && !read_known(row))
		return 0;
	second = here->walk.quotas.entity[1];
	third = here->walk.quotas.count > 2 ? here->walk.quotas.entity[2] : 0;
	if (third)
		look_at(row, here, third);
	look_at(row, here, second);
	read_quotas(row, here, here->walk.to);
	return 0;
}

static __always_inline void begin_interval(struct throttle *throttle, u64 start, const u64 *throttled)
{
	struct interval *newest = interval_before(throttle, 0);

	if (has_begun_since(throttle) && newest->throttled[0] == throttled[0])
		newest->start = start; /* no time has passed of it yet */
	else
		push_interval(throttle, start, throttled);
}

/* Of the group whose queue `entity` is on, as walk.subject leaves the CPU. */
__noinline int note_throttled_group(u32 row, u64 entity)
{
	struct cpu *here = cpu_at(row);
	struct throttle *throttle;
	struct cfs_rq *on;
	u64 since, start;

	if (!here)
		return 0;
	read_quotas_of(row, entity, here->walk.to);
	on = (struct cfs_rq *)here->walk.quotas.on;
	since = throttled_since(on);
	start = since && since < here->walk.to ? since : here->walk.to;
	if (start != here->walk.to)
		read_quotas_of(row, entity, start);
	here->walk.throttle = find_or_add_throttle(row, throttled_serial(here), row, start);
	throttle = throttle_at(here->walk.throttle);
	if (!throttle || (!since && knows_beginning())) /* nothing is queued there that could wait */
		return 0;
	copy_quotas(here->walk.until, here->walk.quotas.throttled);
	note_unseen(row, 0);
	begin_interval(throttle, start, here->walk.until);
	return 0;
}

/* walk.subject leaves the CPU while its group is throttled there: of each throttled level with a quota. */
__noinline int note_throttled_queue(u32 row)
{
	struct cpu *here = cpu_at(row);
	struct task_struct *task;
	struct sched_entity *se;
	struct cfs_rq *cfs_rq;

	if (!here)
		return 0;
	task = (struct task_struct *)here->walk.subject;
	se = &task->se;
	here->walk.source = row;
	here->walk.queued = here->walk.to;
#pragma clang loop unroll(disable)
	for (int level = 0; level < LEVELS; level++) {
		cfs_rq = BPF_CORE_READ(se, cfs_rq);
		if (!BPF_CORE_READ(cfs_rq, throttle_count))
			break;
		if (has_quota(cfs_rq))
			note_throttled_group(row, (u64)se);
		se = BPF_CORE_READ(se, parent);
		if (!se)
			break;
	}
	return 0;
}

#endif
