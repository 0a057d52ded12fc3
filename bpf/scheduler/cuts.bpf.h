/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Before 6.18 whole queues are throttled: a wait is cut along the intervals in which its group was, from its
 * end to its beginning. The newest are known one by one. Of several that are only known together (`older`),
 * and of growth since the group was first looked at, it is known how much of a wait that spans them was
 * throttled, but not when: so what is left of that time is nobody's fault, CLASS_UNKNOWN. So is the part of a
 * wait in which nothing says whether its group was throttled.
 */
#ifndef EARSHOT_CUTS_H
#define EARSHOT_CUTS_H

#include "throttle.bpf.h"

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
	start = k == CUT_BEFORE ? 0 : interval->start;
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
	} else if (k < INTERVALS) {
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

/*
 * Throttling that began while all tasks of the group were already waiting, so that none saw it: growth since
 * it was last looked at.
 */
static __always_inline u64 unseen(struct throttle *throttle, u64 throttled)
{
	struct interval *newest = interval_before(throttle, 0);

	if (throttled <= throttle->seen[0] || newest->throttled[0] > throttle->seen[0])
		return 0;
	if (throttle->was_open)
		return 0;
	if (newest->throttled[0] == throttle->seen[0] && newest->start >= throttle->seen_at)
		return 0;
	return throttled - throttle->seen[0];
}

/* Finds what is known of the group of walk.subject, and charges or notes what nobody saw. 0: nothing is
 * known, and the whole wait is charged. */
__noinline int begin_cuts(u32 row, u32 is_owner)
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
	here->walk.throttle = is_owner ? find_or_add_throttle(row, here->walk.victim, here->walk.source, to)
				       : find_throttle(here->walk.victim, here->walk.source);
	throttle = throttle_at(here->walk.throttle);
	copy_quotas(until, here->walk.quotas.throttled);
	here->walk.cut_from = from;
	here->walk.cut_to = to;
	if (here->walk.charged_on != (u64)BPF_CORE_READ(task, se.cfs_rq))
		here->walk.charged_on = 0;
	if (!throttle) {
		charge_together(row, here, from, from, 0);
		return 0;
	}
	missed = unseen(throttle, until[0]);
	/* what was missed before the wait was last charged has been charged then */
	grown = missed;
	if (here->walk.charged_on && until[0] - here->walk.charged_throttled[0] < missed)
		grown = until[0] - here->walk.charged_throttled[0];
	if (is_owner) {
		if (missed)
			push_interval(throttle, (grown < missed ? from + grown : to) - missed,
				      throttle->seen);
		copy_quotas(throttle->seen, until);
		throttle->seen_at = to;
		throttle->was_open = BPF_CORE_READ(task, se.cfs_rq, throttle_count) > 0;
		if (throttle->was_open && !throttle->newest)
			push_interval(throttle, to, until);
	} else if (grown) {
		ns = grown < to - from ? grown : to - from;
		copy_quotas(here->walk.since, throttle->seen);
		charge_throttled(row, ns);
		here->walk.cut_to -= ns;
		copy_quotas(until, throttle->seen);
	}
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
	if (!here->walk.quotas.throttled[0]) /* never yet */
		return walk_slices(row, 0);
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
