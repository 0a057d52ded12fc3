/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What has to be remembered of a task between two switches: `run_delay` when it last got a CPU, so that a
 * wait that moves between CPUs can be divided into its parts. Sets of four entries, one cache line each,
 * neighbouring pids in neighbouring sets: the threads of a process run on several CPUs, share pages, and
 * write no line together. No allocation in the scheduler, no deletion but at a task's end, on every kernel.
 * Rarer things (throttled, moved while waiting, stamp known to be wrong) are an open wait in a hash.
 */
#ifndef EARSHOT_TASKS_H
#define EARSHOT_TASKS_H

#include "maps.bpf.h"

#define WAYS 4

struct task_entry {
	u32 pid;
	union remembered remembered;
	u64 run_delay;
};

struct task_set {
	struct task_entry way[WAYS];
};

_Static_assert(sizeof(struct task_set) == 64, "one cache line");

struct open_wait {
	u64 carried;		 /* what of the wait has been charged: on earlier CPUs, or while it went on */
	u64 class[CLASS_COUNT];	 /* the same, by class */
	u64 culprit, culprit_ns; /* main culprit of that */
	u64 queued;		 /* the stamp of the wait that has been charged while it went on, or 0 */
	u64 charged;		 /* until then */
	u64 throttled_on;	 /* whose cfs_rq `throttled` is of */
	u64 throttled[QUOTAS];	 /* as in `quotas`, when it was throttled or last charged */
	u64 throttled_at;	 /* when it was throttled */
	u64 throttler, throttler_ns;
	u32 throttling;
	u32 is_bogus; /* its stamp is wrong */
	u32 has_moved;
	u32 pad;
	u64 awake; /* when that was found to be over, or 0: it may sleep still */
};

enum throttling {
	NOT_THROTTLED,
	THROTTLED_SINCE,   /* `throttled` */
	THROTTLED_UNKNOWN, /* it is not known since when */
};

static const struct open_wait no_open_wait;

/* Bound: 4 x task_sets. An entry is freed when its task dies, or evicted by a live task whose three sets are
 * full. Its open_wait stays, and is found again with the task. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, struct task_set);
} tasks SEC(".maps");

/* Key: pid, for what is written under the lock of the task's run queue; pid | BY_ITERATOR, for what the
 * iterator writes (progress.bpf.h). Entries end when the task next gets a CPU, or dies. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2048);
	__type(key, u32);
	__type(value, struct open_wait);
} open_waits SEC(".maps");

#define BY_ITERATOR (1U << 31)

/* Bound: one a row of `cpus`, the open_wait of the wait that is being charged there; and a last one, what the
 * iterator had written before. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct open_wait);
} drafts SEC(".maps");

static __always_inline struct open_wait *find_open_wait(u32 key)
{
	return bpf_map_lookup_elem(&open_waits, &key);
}

static __always_inline struct open_wait *draft_at(u32 row)
{
	return bpf_map_lookup_elem(&drafts, &row);
}

/* A task is in the set its pid chooses or, where that was full, in one of two that other bits of its pid
 * choose. */
static __always_inline u32 first_set(u32 pid)
{
	return pid & (task_sets - 1);
}

static __always_inline u32 second_set(u32 pid)
{
	return pid * 0x9E3779B1U >> 8 & (task_sets - 1);
}

static __always_inline u32 third_set(u32 pid)
{
	return pid * 0x85EBCA6BU >> 8 & (task_sets - 1);
}

static __always_inline struct task_entry *entry_in(u32 index, u32 pid)
{
	struct task_set *set = bpf_map_lookup_elem(&tasks, &index);

	if (!set)
		return NULL;
	for (int i = 0; i < WAYS; i++)
		if (set->way[i].pid == pid)
			return &set->way[i];
	return NULL;
}

/* Of a task that is not in its first set. */
__noinline int other_set(u32 pid)
{
	return entry_in(second_set(pid), pid) ? second_set(pid) : third_set(pid);
}

static __always_inline struct task_entry *find_task(u32 pid)
{
	struct task_entry *entry = entry_in(first_set(pid), pid);

	if (unlikely(!entry))
		entry = entry_in(other_set(pid), pid);
	return entry;
}

static __always_inline void remember_open_waits(struct task_entry *entry, u32 pid)
{
	entry->remembered.has_open_wait = find_open_wait(pid) != NULL;
	entry->remembered.may_be_charged = find_open_wait(pid | BY_ITERATOR) != NULL;
}

__noinline int add_task(u32 pid)
{
	struct task_entry *entry = entry_in(first_set(pid), 0);
	u32 third = third_set(pid);
	struct task_set *last;

	if (!entry)
		entry = entry_in(second_set(pid), 0);
	if (!entry)
		entry = entry_in(third, 0);
	if (!entry) {
		last = bpf_map_lookup_elem(&tasks, &third);
		if (!last)
			return 0;
		entry = &last->way[pid & (WAYS - 1)];
		for (int i = 0; i < WAYS; i++)
			if (!last->way[i].remembered.any)
				entry = &last->way[i];
		lose(LOSS_TASK_EVICTED);
	}
	entry->run_delay = 0;
	entry->remembered.any = 0;
	remember_open_waits(entry, pid);
	entry->pid = pid;
	return 0;
}

/* A task that has not been switched in yet, if there is room for it without evicting another. */
static __always_inline bool note_task(u32 pid, u64 run_delay)
{
	struct task_entry *entry = entry_in(first_set(pid), 0);

	if (!entry)
		return false;
	entry->run_delay = run_delay;
	entry->remembered.any = 0;
	remember_open_waits(entry, pid);
	entry->pid = pid;
	return true;
}

static __always_inline struct task_entry *find_or_add_task(u32 pid)
{
	struct task_entry *entry = find_task(pid);

	if (unlikely(!entry)) {
		add_task(pid);
		entry = find_task(pid);
		if (!entry)
			lose(LOSS_TASK_LOST);
	}
	return entry;
}

/* Two CPUs at once can have added it twice: the second is found when the pid is used again, and then
 * forgotten too. */
__noinline int forget_task(u32 pid)
{
	struct task_entry *entry = find_task(pid);
	u32 charged = pid | BY_ITERATOR;

	if (!entry || entry->remembered.has_open_wait)
		bpf_map_delete_elem(&open_waits, &pid);
	if (!entry || entry->remembered.may_be_charged)
		bpf_map_delete_elem(&open_waits, &charged);
	if (!entry)
		return 0;
	entry->remembered.any = 0;
	entry->pid = 0;
	return 0;
}

static __always_inline struct open_wait *add_open_wait(struct task_entry *entry)
{
	struct open_wait *open_wait = entry->remembered.has_open_wait ? find_open_wait(entry->pid) : NULL;
	u32 pid = entry->pid;

	if (open_wait)
		return open_wait;
	if (bpf_map_update_elem(&open_waits, &pid, &no_open_wait, BPF_ANY)) {
		lose(LOSS_OPEN_WAIT_FULL);
		return NULL;
	}
	entry->remembered.has_open_wait = 1;
	return find_open_wait(pid);
}

#endif
