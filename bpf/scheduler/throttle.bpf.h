/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * When groups were throttled, without a hook of its own: for each group on each CPU, the last moments from
 * which on it was, with its total at that moment (quotas.bpf.h); its end follows from the growth up to the
 * next.
 *
 * Before 6.18 whole queues are throttled, all groups below one with a quota together: the intervals are those
 * of the nearest such group, and a wait is cut along them (cuts.bpf.h). From 6.18 on
 * tasks are throttled one by one: the totals are taken when a throttled task leaves the CPU, and the growth
 * up to the beginning of the next interval, or until it gets a CPU again, is the beginning of its wait.
 */
#ifndef EARSHOT_THROTTLE_H
#define EARSHOT_THROTTLE_H

#include "quotas.bpf.h"
#include "tasks.bpf.h"

#define INTERVALS	8
#define OLDER_INTERVALS 4

/* Throttled from `start` on; its end follows from the growth of throttled_time() up to the next interval.
 * With SOMETIME it is not known when up to the next interval it was throttled.
 */
#define SOMETIME (1ULL << 63)

struct interval {
	u64 start;
	u64 throttled[QUOTAS]; /* as in `quotas`, at `start` */
};

/* Of one group on one CPU. Written under the lock of that CPU's run queue. */
struct throttle {
	u64 serial; /* 0: free */
	u64 used_at;
	struct interval before;	   /* all that is known begins here; not throttled then */
	u64 seen_at, seen[QUOTAS]; /* as in `quotas`, when last looked at */
	u32 newest;		   /* of `interval`, counted from the first on */
	u16 was_open;		   /* the newest interval had not ended when last looked at */
	u16 newest_seen;	   /* `newest`, when last looked at */
	struct interval interval[INTERVALS];
	struct interval older[OLDER_INTERVALS]; /* every INTERVALS-th of those before */
};

#define THROTTLE_WAYS 4

/* What is looked at less often may be forgotten without a loss: no wait that is not counted lasts so long. */
#define THROTTLE_STALE (60 * 1000000000ULL)

/* Bound: CPUs x throttle_sets x THROTTLE_WAYS. A group that is not among its set takes the place of the one
 * that was looked at longest ago. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct throttle);
} throttles SEC(".maps");

static __always_inline struct throttle *throttle_at(u32 index)
{
	return bpf_map_lookup_elem(&throttles, &index);
}

static __always_inline u32 first_way(u64 serial, u32 cpu)
{
	return (cpu * throttle_sets + ((u32)serial & (throttle_sets - 1))) * THROTTLE_WAYS;
}

/* Its index, or NO_THROTTLE. */
#define NO_THROTTLE ~0U

__noinline u32 find_throttle(u64 serial, u32 cpu)
{
	u32 first = first_way(serial, cpu);

	for (u32 i = 0; i < THROTTLE_WAYS; i++) {
		struct throttle *throttle = throttle_at(first + i);

		if (throttle && throttle->serial == serial)
			return first + i;
	}
	return NO_THROTTLE;
}

/* The same; one that is not there begins with walk.quotas, which are those at `now`. */
__noinline u32 find_or_add_throttle(u32 row, u64 serial, u32 cpu, u64 now)
{
	u32 index = find_throttle(serial, cpu), first = first_way(serial, cpu);
	struct cpu *here = cpu_at(row);
	struct throttle *throttle;
	u64 least = ~0ULL;

	if (!here)
		return NO_THROTTLE;
	if (index != NO_THROTTLE) {
		throttle = throttle_at(index);
		if (throttle)
			throttle->used_at = now;
		return index;
	}
	for (u32 i = 0; i < THROTTLE_WAYS; i++) {
		throttle = throttle_at(first + i);
		if (throttle && throttle->used_at < least) {
			least = throttle->used_at;
			index = first + i;
		}
	}
	throttle = throttle_at(index);
	if (!throttle) {
		lose(LOSS_THROTTLE_EVICTED);
		return NO_THROTTLE;
	}
	if (throttle->serial && now < throttle->used_at + THROTTLE_STALE)
		lose(LOSS_THROTTLE_EVICTED);
	throttle->serial = serial;
	throttle->used_at = now;
	throttle->seen_at = now;
	throttle->before.start = now;
	copy_quotas(throttle->seen, here->walk.quotas.throttled);
	copy_quotas(throttle->before.throttled, here->walk.quotas.throttled);
	throttle->newest = 0;
	throttle->was_open = 0;
	throttle->newest_seen = 0;
	for (u32 i = 0; i < INTERVALS; i++)
		throttle->interval[i].start = 0;
	for (u32 i = 0; i < OLDER_INTERVALS; i++)
		throttle->older[i].start = 0;
	return index;
}

static __always_inline struct interval *interval_before(struct throttle *throttle, u32 k)
{
	return &throttle->interval[(throttle->newest - k) & (INTERVALS - 1)];
}

static __always_inline struct interval *older_before(struct throttle *throttle, u32 k)
{
	return &throttle->older[(throttle->newest / INTERVALS - k) & (OLDER_INTERVALS - 1)];
}

static __always_inline void copy_interval(struct interval *to, const struct interval *from)
{
	to->start = from->start;
	copy_quotas(to->throttled, from->throttled);
}

static __always_inline void push_interval(struct throttle *throttle, u64 start, const u64 *throttled)
{
	struct interval *interval, *older;

	throttle->newest++;
	interval = interval_before(throttle, 0);
	if (throttle->newest % INTERVALS == 0 && interval->start) {
		older = older_before(throttle, 0);
		if (older->start)
			copy_interval(&throttle->before, older);
		copy_interval(older, interval);
	}
	interval->start = start;
	copy_quotas(interval->throttled, throttled);
}

/* Whose intervals are those of walk.subject: before 6.18 all groups below one with a quota are throttled
 * together, and share what each of them sees.
 */
static __always_inline u64 throttled_serial(struct cpu *here)
{
	u64 nearest = here->walk.quotas.serial[0];

	return throttles_tasks() || !nearest ? here->walk.victim : nearest;
}

/* An interval, since it was last looked at. */
static __always_inline bool has_begun_since(struct throttle *throttle)
{
	return (u16)throttle->newest != throttle->newest_seen;
}

/* From 6.18 on: walk.subject leaves the CPU while its group is throttled there. */
static __always_inline void note_interval(u32 row, struct cpu *here, struct task_struct *task)
{
	u64 start = here->walk.to, since = throttled_since(BPF_CORE_READ(task, se.cfs_rq));
	struct throttle *throttle;
	struct interval *newest;

	if (since && since < start)
		start = since;
	read_quotas(row, here, start);
	throttle = throttle_at(find_or_add_throttle(row, here->walk.victim, row, start));
	if (!throttle)
		return;
	newest = interval_before(throttle, 0);
	if (newest->start != start)
		push_interval(throttle, start, here->walk.quotas.throttled);
}

/*
 * From 6.18 on: a throttled task that leaves the CPU also begins an interval of each throttled group above
 * its own. That matters where tasks of such a group have been throttled themselves.
 */
__noinline int note_intervals_above(u32 row)
{
	struct cpu *here = cpu_at(row);
	struct task_struct *task;
	struct sched_entity *se;

	if (!here)
		return 0;
	task = (struct task_struct *)here->walk.subject;
	se = &task->se;
#pragma clang loop unroll(disable)
	for (int level = 1; level < LEVELS; level++) {
		struct throttle *throttle;
		struct cfs_rq *cfs_rq;
		u64 start;

		se = BPF_CORE_READ(se, parent);
		if (!se)
			break;
		cfs_rq = BPF_CORE_READ(se, cfs_rq);
		if (!BPF_CORE_READ(cfs_rq, throttle_count))
			break;
		throttle = throttle_at(find_throttle(BPF_CORE_READ(cfs_rq, tg, css.serial_nr), row));
		start = throttled_since(cfs_rq);
		if (!throttle || !start || interval_before(throttle, 0)->start == start)
			continue;
		read_quotas_of(row, (u64)se, start);
		push_interval(throttle, start, here->walk.quotas.throttled);
	}
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
	note_interval(row, here, task);
	note_intervals_above(row);
	entry = find_or_add_task(BPF_CORE_READ(task, pid));
	if (!entry)
		return 0;
	open_wait = add_open_wait(entry);
	if (!open_wait) {
		entry->remembered.was_throttled = 1;
		return 0;
	}
	read_quotas(row, here, here->walk.to);
	open_wait->throttling = THROTTLED_SINCE;
	open_wait->throttled_on = (u64)BPF_CORE_READ(task, se.cfs_rq);
	open_wait->throttled_at = here->walk.to;
	copy_quotas(open_wait->throttled, here->walk.quotas.throttled);
	return 0;
}

/*
 * From 6.18 on: walk.subject, throttled since `at`, is no longer; fills walk.until with the totals as they
 * were when that ended, if it ended before the next interval began. 0: that is not known.
 */
__noinline int read_release(u32 row, u64 at)
{
	struct cpu *here = cpu_at(row);
	struct throttle *throttle;

	if (!here)
		return 0;
	throttle = throttle_at(find_throttle(here->walk.victim, here->walk.source));
	if (!throttle)
		return 0;
	for (u32 k = 0; k < INTERVALS; k++) {
		struct interval *interval = interval_before(throttle, k);

		if (!interval->start)
			return 0;
		if (interval->start <= at)
			return 1;
		copy_quotas(here->walk.until, interval->throttled);
	}
	return 0;
}

/*
 * From 6.18 on: charges the beginning of the wait, as long as the task was throttled. The kernel keeps no
 * duration if the task has moved to another group meanwhile.
 */
__noinline int charge_throttled_task(u32 row)
{
	struct cpu *here = cpu_at(row);
	struct task_struct *task;
	struct open_wait *open_wait;
	bool is_throttled = false, is_known = true;
	u64 ns;

	if (!here)
		return 0;
	if (here->walk.remembered.was_throttled)
		return charge_unexplained(row);
	task = (struct task_struct *)here->walk.subject;
	open_wait = here->walk.has_draft ? draft_at(row) : NULL;
	if (!open_wait || !open_wait->throttling)
		return 0;
	if (throttles_tasks())
		is_throttled = BPF_CORE_READ(task, throttled);
	if (open_wait->throttling == THROTTLED_SINCE &&
	    open_wait->throttled_on != (u64)BPF_CORE_READ(task, se.cfs_rq)) {
		lose(LOSS_THROTTLE_MOVED);
		open_wait->throttling = THROTTLED_UNKNOWN;
	}
	if (is_real_time(BPF_CORE_READ(task, prio))) /* since then: no quota stops it any more */
		open_wait->throttling = THROTTLED_UNKNOWN;
	if (open_wait->throttling == THROTTLED_UNKNOWN) {
		if (!is_throttled)
			open_wait->throttling = 0;
		return charge_unexplained(row);
	}
	read_quotas(row, here, here->walk.to);
	copy_quotas(here->walk.since, open_wait->throttled);
	copy_quotas(here->walk.until, here->walk.quotas.throttled);
	if (!is_throttled) {
		is_known = read_release(row, open_wait->throttled_at);
		open_wait->throttling = 0;
	}
	ns = here->walk.until[0] - here->walk.since[0];
	if ((s64)ns < 0) /* read while it changed */
		ns = 0;
	if (ns > here->walk.to - here->walk.from)
		ns = here->walk.to - here->walk.from;
	if (is_known) {
		if (ns)
			charge_throttled(row, ns);
		here->walk.from += ns;
	} else {
		u64 to = here->walk.to;

		here->walk.to = here->walk.from + ns;
		charge_unexplained(row);
		here->walk.to = to;
	}
	return 0;
}

#endif
