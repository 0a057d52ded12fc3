/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Throttling without a hook of its own. throttled_time() of a group on a CPU grows by 1 ns a ns while the
 * group cannot run there because of its quota or one above, so its differences are exact.
 *
 * From 6.18 tasks are throttled one by one: the mark is taken when a throttled task leaves the CPU, and the
 * growth until it gets one again is the beginning of its wait. Before 6.18 whole queues are: the last
 * intervals of each group on each CPU are kept, and a wait is cut along them.
 */
#ifndef EARSHOT_THROTTLE_H
#define EARSHOT_THROTTLE_H

#include "history.bpf.h"
#include "tasks.bpf.h"

#define INTERVALS 4

struct throttle_key {
	u64 who;
	u32 cpu;
	u32 pad;
};

/* Throttled from `start` on; until when is told by how much throttled_time() grew up to the next interval. */
struct interval {
	u64 start;
	u64 mark; /* throttled_time() at `start` */
	u64 throttler;
};

struct throttle {
	u64 seen_at, seen; /* throttled_time() when last looked at */
	u32 newest, pad;
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

static __always_inline struct throttle *throttle_of(u64 who, u32 cpu)
{
	struct throttle_key key = {.who = who, .cpu = cpu};
	struct throttle *throttle = bpf_map_lookup_elem(&throttles, &key);

	if (!throttle) {
		bpf_map_update_elem(&throttles, &key, &no_throttle, BPF_NOEXIST);
		throttle = bpf_map_lookup_elem(&throttles, &key);
		if (!throttle)
			drop(DROP_THROTTLE_FULL);
	}
	return throttle;
}

static __always_inline void push_interval(struct throttle *throttle, u64 start, u64 mark, u64 throttler)
{
	u32 next = (throttle->newest + 1) & (INTERVALS - 1);

	throttle->newest = next;
	throttle->interval[next].start = start;
	throttle->interval[next].mark = mark;
	throttle->interval[next].throttler = throttler;
}

/* Before 6.18: a task leaves the CPU while its group is throttled. */
static __always_inline void note_throttled_group(struct task_struct *prev, u64 who, u32 cpu, struct rq *rq,
						 u64 throttler)
{
	struct cfs_rq *cfs_rq = prev->se.cfs_rq;
	struct throttle *throttle = throttle_of(who, cpu);
	u64 now = rq->clock, mark, since;
	struct interval *newest;

	if (!throttle)
		return;
	mark = throttled_time(cfs_rq, rq);
	since = throttled_since(cfs_rq);
	if (since) {
		mark -= now - since;
		now = since;
	}
	newest = &throttle->interval[throttle->newest & (INTERVALS - 1)];
	if (!newest->start || newest->mark != mark)
		push_interval(throttle, now, mark, throttler);
}

/* Before 6.18: throttling nobody of the group saw begin, because all of it was already waiting, ended just
 * now. */
static __always_inline void note_unseen(struct throttle *throttle, u64 mark, u64 now)
{
	struct interval *newest = &throttle->interval[throttle->newest & (INTERVALS - 1)];

	if (throttle->seen_at && mark > throttle->seen &&
	    (newest->mark != throttle->seen || newest->start < throttle->seen_at))
		push_interval(throttle, now - (mark - throttle->seen), throttle->seen, newest->throttler);
	throttle->seen = mark;
	throttle->seen_at = now;
}

/*
 * Before 6.18: charges the wait [from, to) on `cpu_id` of a task of here->walk_victim, cut along the
 * intervals in which its group was throttled. `mark` is throttled_time() at `to`.
 */
__noinline int walk_throttled(u32 cpu_id, u32 cell_index, u64 from, u64 to, u64 mark)
{
	struct cell *cell = bpf_map_lookup_elem(&cells, &cell_index);
	struct throttle_key key = {.cpu = cpu_id};
	struct cpu *here = this_cpu();
	struct throttle *throttle;
	u64 throttled;

	if (!cell || !here)
		return 0;
	key.who = here->walk_victim;
	throttle = bpf_map_lookup_elem(&throttles, &key);
	if (!throttle) {
		walk(cpu_id, cell_index, key.who, from, to);
		return 0;
	}
	for (u32 k = 0; k < INTERVALS; k++) {
		struct interval *interval = &throttle->interval[(throttle->newest - k) & (INTERVALS - 1)];
		u64 start = interval->start, end;

		if (!start || to <= from)
			break;
		end = start + (mark - interval->mark);
		if (end < from)
			break;
		if (end > to)
			end = to;
		if (to > end)
			walk(cpu_id, cell_index, key.who, end, to);
		to = end;
		if (start < from)
			start = from;
		throttled = end > start ? end - start : 0;
		if (throttled) {
			cell->class[CLASS_THROTTLED] += throttled;
			if (interval->throttler)
				blame(cell->who, interval->throttler, 0, throttled, 0);
			to = start;
		}
		mark = interval->mark;
	}
	if (to > from)
		walk(cpu_id, cell_index, key.who, from, to);
	return 0;
}

/* Before 6.18: how much of the time from `last` on, up to where throttled_time() is `mark`, was throttled. */
static __always_inline u64 throttled_after(struct throttle *throttle, u64 last, u64 mark)
{
	struct interval *newest = &throttle->interval[throttle->newest & (INTERVALS - 1)];
	u64 mark_at_last;

	if (!newest->start)
		return 0;
	mark_at_last = newest->mark + (last > newest->start ? last - newest->start : 0);
	return mark > mark_at_last ? mark - mark_at_last : 0;
}

#endif
