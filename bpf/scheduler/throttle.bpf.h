/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Throttling without a hook of its own. throttled_time() of a group on a CPU grows by 1 ns a ns while the
 * group cannot run there because of its quota or one above, so its differences are exact. Those of a level
 * and of the next one above it that has a quota differ by what the lower quota alone has cost, so that no
 * nanosecond is charged to two quotas.
 *
 * From 6.18 tasks are throttled one by one: the totals are taken when a throttled task leaves the CPU, and
 * the growth until it gets one again is the beginning of its wait. Before 6.18 whole queues are: the last
 * intervals of each group on each CPU are kept, and a wait is cut along them.
 *
 * All of it is rare next to switches, and reads the kernel by address: so it is verified by itself.
 */
#ifndef EARSHOT_THROTTLE_H
#define EARSHOT_THROTTLE_H

#include "cells.bpf.h"
#include "walk.bpf.h"
#include "tasks.bpf.h"

/* Depth of nesting in which quotas are looked for. */
#define LEVELS 8

#define INTERVALS 4

struct throttle_key {
	u64 serial;
	u32 cpu;
	u32 pad;
};

/* Throttled from `start` on; its end follows from the growth of throttled_time() up to the next interval. */
struct interval {
	u64 start;
	u64 throttled[QUOTAS]; /* as in `quotas`, at `start` */
};

struct throttle {
	u64 seen_at, seen[QUOTAS]; /* as in `quotas`, when last looked at */
	u32 newest;
	u32 was_open; /* the newest interval had not ended then */
	struct interval interval[INTERVALS];
};

static const struct throttle no_throttle;

/* Only before 6.18. Key: group and CPU. User space deletes those of removed groups. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct throttle_key);
	__type(value, struct throttle);
} throttles SEC(".maps");

/* Fills the quotas of walk.subject, as they are at `at`. */
__noinline int read_quotas(u32 row, u64 at)
{
	struct cpu *here = cpu_at(row);
	struct task_struct *task;
	struct sched_entity *se;
	struct cfs_rq *cfs_rq;
	struct quotas *quotas;
	u32 count = 0;

	if (!here)
		return 0;
	quotas = &here->walk.quotas;
	task = (struct task_struct *)here->walk.subject;
	se = &task->se;
	quotas->throttled[0] = throttled_time(BPF_CORE_READ(se, cfs_rq), at);
	quotas->serial[0] = 0;
	for (int level = 0; level < LEVELS; level++) {
		cfs_rq = BPF_CORE_READ(se, cfs_rq);
		if (has_quota(cfs_rq)) {
			struct cgroup_subsys_state *css = &BPF_CORE_READ(cfs_rq, tg)->css;

			if (count >= QUOTAS) {
				drop(DROP_QUOTA_MERGED);
				break;
			}
			if (count)
				quotas->throttled[count] = throttled_time(cfs_rq, at);
			quotas->serial[count] = BPF_CORE_READ(css, serial_nr);
			introduce(row, css);
			count++;
		}
		se = BPF_CORE_READ(se, parent);
		if (!se)
			break;
	}
	quotas->count = count;
	if (se && !count) /* deeper than LEVELS */
		drop(DROP_QUOTA_MERGED);
	return 0;
}

static __always_inline void copy_quotas(u64 *to, const u64 *from)
{
	for (int k = 0; k < QUOTAS; k++)
		to[k] = from[k];
}

static __always_inline void charge_quota(struct cpu *here, struct cell *cell, u64 serial, u64 ns)
{
	if (!ns || !serial)
		return;
	blame(cell->serial, serial, BLAMED_THROTTLED, ns, 0);
	if (ns > here->throttler_ns) {
		here->throttler = serial;
		here->throttler_ns = ns;
	}
}

/*
 * Charges `ns` of throttling, all or part of what the quotas of the walk did between walk.since and
 * walk.until: each level's growth less that of the level above is its own. What is left is the nearest
 * quota's.
 */
__noinline int charge_throttled(u32 row, u64 ns)
{
	struct cpu *here = cpu_at(row);
	u64 whole, left = ns, above = 0;
	struct cell *cell;

	if (!here)
		return 0;
	cell = bpf_map_lookup_elem(&cells, &here->walk.cell);
	if (!cell)
		return 0;
	whole = here->walk.until[0] - here->walk.since[0];
	cell->class[CLASS_THROTTLED] += ns;
	for (int k = QUOTAS - 1; k > 0; k--) {
		u64 grown, own;

		if (k >= here->walk.quotas.count)
			continue;
		grown = here->walk.until[k] - here->walk.since[k];
		own = grown > above && (s64)grown > 0 ? grown - above : 0;
		above += own;
		if (ns < whole)
			own = prorate(own, ns, whole);
		if (own > left)
			own = left;
		left -= own;
		charge_quota(here, cell, here->walk.quotas.serial[k], own);
	}
	charge_quota(here, cell, here->walk.quotas.serial[0], left);
	return 0;
}

/* From 6.18 on: walk.subject leaves the CPU throttled. */
__noinline int note_throttled_task(u32 row)
{
	struct cpu *here = cpu_at(row);
	struct task_struct *task;
	struct task_entry *entry;
	struct open_wait *open_wait;

	if (!here)
		return 0;
	task = (struct task_struct *)here->walk.subject;
	entry = find_or_add_task(BPF_CORE_READ(task, pid));
	open_wait = entry ? add_open_wait(entry) : NULL;
	if (!open_wait)
		return 0;
	read_quotas(row, here->walk.to);
	open_wait->is_throttled = 1;
	open_wait->throttled_on = (u64)BPF_CORE_READ(task, se.cfs_rq);
	copy_quotas(open_wait->throttled, here->walk.quotas.throttled);
	return 0;
}

/*
 * From 6.18 on: charges the beginning of the wait, as long as the task was throttled. The kernel does not say
 * how long, if it has moved to another group meanwhile.
 */
__noinline int charge_throttled_task(u32 row)
{
	struct cpu *here = cpu_at(row);
	struct task_struct *task;
	struct open_wait *open_wait;
	u64 ns;

	if (!here)
		return 0;
	task = (struct task_struct *)here->walk.subject;
	open_wait = find_open_wait(BPF_CORE_READ(task, pid));
	if (!open_wait || !open_wait->is_throttled)
		return 0;
	if (open_wait->throttled_on != (u64)BPF_CORE_READ(task, se.cfs_rq)) {
		drop(DROP_THROTTLE_MOVED);
		open_wait->is_throttled = 0;
		return 0;
	}
	read_quotas(row, here->walk.to);
	ns = here->walk.quotas.throttled[0] - open_wait->throttled[0];
	if ((s64)ns < 0) /* read while it changed */
		ns = 0;
	if (ns > here->walk.to - here->walk.from)
		ns = here->walk.to - here->walk.from;
	copy_quotas(here->walk.since, open_wait->throttled);
	copy_quotas(here->walk.until, here->walk.quotas.throttled);
	if (ns)
		charge_throttled(row, ns);
	here->walk.from += ns;
	return 0;
}

static __always_inline struct throttle *throttle_of(u64 serial, u32 cpu)
{
	struct throttle_key key = {.serial = serial, .cpu = cpu};
	struct throttle *throttle = bpf_map_lookup_elem(&throttles, &key);

	if (!throttle) {
		bpf_map_update_elem(&throttles, &key, &no_throttle, BPF_NOEXIST);
		throttle = bpf_map_lookup_elem(&throttles, &key);
		if (!throttle)
			drop(DROP_THROTTLE_FULL);
	}
	return throttle;
}

static __always_inline struct interval *interval_before(struct throttle *throttle, u32 k)
{
	return &throttle->interval[(throttle->newest - k) & (INTERVALS - 1)];
}

static __always_inline void push_interval(struct throttle *throttle, u64 start, const u64 *throttled)
{
	struct interval *interval;

	throttle->newest++;
	interval = interval_before(throttle, 0);
	interval->start = start;
	copy_quotas(interval->throttled, throttled);
}

/* Before 6.18: walk.subject leaves the CPU while its group is throttled. */
__noinline int note_throttled_queue(u32 row)
{
	struct cpu *here = cpu_at(row);
	struct task_struct *task;
	struct throttle *throttle;
	struct interval *newest;
	u64 start, since;

	if (!here)
		return 0;
	throttle = throttle_of(here->walk.victim, row);
	if (!throttle)
		return 0;
	task = (struct task_struct *)here->walk.subject;
	start = here->walk.to;
	since = throttled_since(BPF_CORE_READ(task, se.cfs_rq));
	if (since && since < start)
		start = since;
	read_quotas(row, start);
	newest = interval_before(throttle, 0);
	if (!newest->start || newest->throttled[0] != here->walk.quotas.throttled[0])
		push_interval(throttle, start, here->walk.quotas.throttled);
	return 0;
}

/*
 * Throttling that began while all tasks of the group were already waiting, so that none saw it: since it was
 * last looked at, or ever, if all there was fits into the wait.
 */
static __always_inline u64 unseen(struct throttle *throttle, u64 throttled, u64 wait)
{
	struct interval *newest = interval_before(throttle, 0);

	if (!throttle->seen_at)
		return !newest->start && throttled <= wait ? throttled : 0;
	if (throttled <= throttle->seen[0] || newest->throttled[0] > throttle->seen[0])
		return 0;
	if (throttle->was_open)
		return 0;
	if (newest->throttled[0] == throttle->seen[0] && newest->start >= throttle->seen_at)
		return 0;
	return throttled - throttle->seen[0];
}

static __always_inline void walk_part(struct cpu *here, u32 row, u64 from, u64 to)
{
	here->walk.from = from;
	here->walk.to = to;
	walk_slices(row, 0);
}

/*
 * Before 6.18: charges the wait cut along the intervals in which its group was throttled. `is_owner`: the run
 * queue stands still, so that what was not seen before can be noted.
 */
static __always_inline int walk_throttled(u32 row, u32 is_owner)
{
	struct cpu *here = cpu_at(row);
	struct throttle *throttle;
	struct task_struct *task;
	u64 from, to, ns, missed, grown, *until;

	if (!here)
		return 0;
	from = here->walk.from;
	to = here->walk.to;
	until = here->walk.until;
	task = (struct task_struct *)here->walk.subject;
	read_quotas(row, to);
	throttle = here->walk.quotas.throttled[0] ? throttle_of(here->walk.victim, here->walk.source) : NULL;
	if (!throttle)
		return walk_slices(row, 0);
	copy_quotas(until, here->walk.quotas.throttled);
	missed = unseen(throttle, until[0], to - from);
	/* what was missed before the wait was last charged has been charged then */
	grown = missed;
	if (here->walk.charged_on == (u64)BPF_CORE_READ(task, se.cfs_rq) &&
	    until[0] - here->walk.charged_throttled < missed)
		grown = until[0] - here->walk.charged_throttled;
	if (is_owner) {
		if (missed)
			push_interval(throttle, (grown < missed ? from + grown : to) - missed,
				      throttle->seen);
		copy_quotas(throttle->seen, until);
		throttle->seen_at = to;
		throttle->was_open = BPF_CORE_READ(task, se.cfs_rq, throttle_count) > 0;
	} else if (grown) {
		ns = grown < to - from ? grown : to - from;
		copy_quotas(here->walk.since, throttle->seen);
		charge_throttled(row, ns);
		to -= ns;
		copy_quotas(until, throttle->seen);
	}
	for (u32 k = 0; k < INTERVALS; k++) {
		struct interval *interval = interval_before(throttle, k);
		u64 start = interval->start, end;

		if (!start || to <= from)
			break;
		end = start + (until[0] - interval->throttled[0]);
		if (end < from)
			break;
		if (end > to)
			end = to;
		if (to > end)
			walk_part(here, row, end, to);
		to = end;
		if (start < from)
			start = from;
		if (end > start) {
			copy_quotas(here->walk.since, interval->throttled);
			here->walk.last = 0;
			charge_throttled(row, end - start);
			to = start;
		}
		copy_quotas(until, interval->throttled);
	}
	if (to > from)
		walk_part(here, row, from, to);
	return 0;
}

/*
 * Charges the classes and culprits of [walk.from, walk.to) of a wait for walk.source, whether or not anything
 * happened there since. `is_owner`: that run queue stands still.
 */
__noinline int charge_waiting(u32 row, u32 is_owner)
{
	struct cpu *here = cpu_at(row);

	if (!here)
		return 0;
	if (throttles_tasks()) {
		charge_throttled_task(row);
		return walk_slices(row, 0);
	}
	if (here->walk.victim == SERIAL_KERNEL)
		return walk_slices(row, 0);
	return walk_throttled(row, is_owner);
}

#endif
