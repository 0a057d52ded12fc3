/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Before 6.18 whole queues are throttled: a wait is cut along the intervals in which its group was, from its
 * end to its beginning. The newest are known one by one. Of several that are only known together (`older`),
 * and of growth since the group was first looked at, it is known how much of a wait that spans them was
 * throttled, but not when: so what is left of that time is nobody's fault, CLASS_UNKNOWN. So it is where the
 * beginning is not known (SOMETIME, queues.bpf.h), and in the part of a wait in which nothing says whether
 * its group was throttled.
 */
#ifndef EARSHOT_CUTS_H
#define EARSHOT_CUTS_H

#include "queues.bpf.h"

/* One by one, then together, then since all that is known; and before that. */
#define CUT_FIRST  (INTERVALS + OLDER_INTERVALS)
#define CUT_BEFORE (CUT_FIRST + 1)

enum cut {
	CUT_ON,
	CUT_WALK, /* walk.from to walk.to is to be walked */
	CUT_DONE,
	CUT_WALK_AND_DONE,
};

static __always_inline struct interval *interval_at(struct throttle *throttle, u32 k)
{
	if (k < INTERVALS)
		return interval_before(throttle, k);
	if (k < CUT_FIRST)
		return older_before(throttle, k - INTERVALS);
	return &throttle->before;
}

/* Charges what of [low, walk.cut_to) was throttled, `grown` since `start`, and the rest to nobody. */
static __always_inline void charge_together(u32 row, struct cpu *here, u64 start, u64 low, u64 grown)
{
	u64 span = here->walk.cut_to - low, throttled = grown > low - start ? grown - (low - start) : 0;

	if (low == here->walk.cut_from && here->walk.charged_on) { /* known when it was charged before */
		copy_quotas(here->walk.since, here->walk.charged_throttled);
		throttled = here->walk.until[0] - here->walk.since[0];
	}
	if ((s64)throttled < 0) /* read while it changed */
		throttled = 0;
	if (throttled > span)
		throttled = span;
	if (throttled)
		charge_throttled(row, throttled);
	here->walk.from = low + throttled;
	here->walk.to = here->walk.cut_to;
	here->walk.last = 0;
	charge_unexplained(row);
}

/* Charges the k-th interval of the wait, walk.cut_from to walk.cut_to; what lies between it and the next is
 * to be walked.
 */
__noinline int cut_wait(u32 row, u32 k)
{
	struct cpu *here = cpu_at(row);
	struct throttle *throttle;
	struct interval *interval;
	u64 start, low, end, grown;
	u32 walk = CUT_WALK;

	if (!here)
		return CUT_DONE;
	throttle = throttle_at(here->walk.throttle);
	if (!throttle)
		return CUT_DONE;
	interval = interval_at(throttle, k);
	start = k == CUT_BEFORE ? 0 : interval->start & ~SOMETIME;
	if (k < CUT_BEFORE && (!start || start >= here->walk.cut_to))
		return CUT_ON;
	low = start > here->walk.cut_from ? start : here->walk.cut_from;
	grown = k == CUT_BEFORE ? interval->throttled[0] : here->walk.until[0] - interval->throttled[0];
	if ((s64)grown < 0) /* read while it changed */
		grown = 0;
	here->walk.from = low;
	here->walk.to = here->walk.cut_to;
	if (k != CUT_BEFORE)
		copy_quotas(here->walk.since, interval->throttled);
	if (k == CUT_BEFORE) {
		if (grown && here->walk.charged_on)
			charge_together(row, here, low, low, grown);
		else if (grown)
			charge_unexplained(row);
		if (grown)
			walk = CUT_ON;
	} else if (k < INTERVALS && !(interval->start & SOMETIME)) {
		end = start + grown < here->walk.cut_to ? start + grown : here->walk.cut_to;
		if (end > low) {
			/* it went on when the wait was last charged: what each quota did since */
			if (low > start && low == here->walk.cut_from && here->walk.charged_on)
				copy_quotas(here->walk.since, here->walk.charged_throttled);
			charge_throttled(row, end - low);
			here->walk.from = end;
		}
		if (end == here->walk.cut_to) {
			here->walk.last = 0;
			walk = CUT_ON;
		}
	} else if (grown) {
		charge_together(row, here, start, low, grown);
		walk = CUT_ON;
	}
	here->walk.cut_to = low;
	if (k != CUT_BEFORE)
		copy_quotas(here->walk.until, interval->throttled);
	return walk | (low <= here->walk.cut_from ? CUT_DONE : CUT_ON);
}

/* Charges throttling that no interval has yet, where none may be added, as the run queue does not stand
 * still. */
__noinline int charge_unseen(u32 row)
{
	struct cpu *here = cpu_at(row);
	u64 start, low, missed, began;
	int above;

	if (!here || !read_known(row))
		return 0;
	above = take_from_all_above(row, 0);
	if (here->walk.goes_on && above == ABOVE_NOTHING)
		return 0;
	missed = here->walk.until[0] - here->walk.since[0];
	start = here->walk.known_from;
	began = above == ABOVE_NOTHING && is_throttled_now(here) ? began_at(here) : 0;
	if (began)
		start = began;
	low = start > here->walk.cut_from ? start : here->walk.cut_from;
	if (low >= here->walk.cut_to)
		return 0;
	charge_together(row, here, start, low, missed);
	read_known(row);
	here->walk.cut_to = low;
	copy_quotas(here->walk.until, here->walk.since);
	return 0;
}

/* Finds what is known of the group of walk.subject, and charges or notes what nobody saw. 0: nothing is
 * known, and the whole wait is charged. */
__noinline int begin_cuts(u32 row, u32 is_owner)
{
	struct cpu *here = cpu_at(row);
	struct throttle *throttle;

	if (!here)
		return 0;
	here->walk.throttle =
		is_owner ? find_or_add_throttle(row, throttled_serial(here), here->walk.source, here->walk.to)
			 : find_throttle(throttled_serial(here), here->walk.source);
	throttle = throttle_at(here->walk.throttle);
	copy_quotas(here->walk.until, here->walk.quotas.throttled);
	here->walk.cut_from = here->walk.from;
	here->walk.cut_to = here->walk.to;
	if (here->walk.charged_on != here->walk.quotas.on)
		here->walk.charged_on = 0;
	if (!throttle) {
		charge_together(row, here, here->walk.from, here->walk.from, 0);
		return 0;
	}
	if (!is_owner) {
		charge_unseen(row);
		return 1;
	}
	look(row, here);
	if (throttle->was_open && !throttle->newest)
		push_interval(throttle, here->walk.to, here->walk.until);
	throttle->newest_seen = throttle->newest;
	return 1;
}

/*
 * Charges the classes and culprits of [walk.from, walk.to) of a wait for walk.source, whether or not anything
 * happened there since. `is_owner`: that run queue stands still, so that what was not seen before can be
 * noted.
 */
__noinline int charge_waiting(u32 row, u32 is_owner)
{
	struct cpu *here = cpu_at(row);
	struct task_struct *task;

	if (!here)
		return 0;
	task = (struct task_struct *)here->walk.subject;
	if (throttles_tasks()) {
		charge_throttled_task(row);
		return walk_slices(row, 0);
	}
	if (here->walk.victim == SERIAL_KERNEL || is_real_time(BPF_CORE_READ(task, prio)))
		return walk_slices(row, 0);
	read_quotas(row, here, here->walk.to);
	if (!here->walk.quotas.throttled[0] ||
	    !throttled_time(BPF_CORE_READ(task, se.cfs_rq), here->walk.to)) /* never yet */
		return walk_slices(row, 0);
	if (is_owner && here->walk.quotas.count > 1)
		look_above(row);
	if (!begin_cuts(row, is_owner))
		return 0;
#pragma clang loop unroll(disable)
	for (u32 k = 0; k <= CUT_BEFORE; k++) {
		u32 cut = cut_wait(row, k);

		if (cut & CUT_WALK)
			walk_slices(row, 0);
		if (cut & CUT_DONE)
			break;
	}
	return 0;
}

#endif
