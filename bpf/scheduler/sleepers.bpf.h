/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From 6.12 on a task that goes to sleep may stay on its run queue until it is picked (delayed dequeue). When
 * the balancer moves such a sleeper, the kernel stamps it as if it began to wait, and keeps that stamp until
 * it next gets a CPU. No other field says when it was woken up; so the CPU that it was moved to looks after
 * it at each switch, and its wait counts from the first switch at which it is awake: too late by one slice at
 * most.
 *
 * The flag is read at every switch, and set by another CPU after it has written its sleeper. Two that write
 * the same sleeper at once leave a task and a pid that do not belong together: it is forgotten, and its wait
 * not counted.
 */
#ifndef EARSHOT_SLEEPERS_H
#define EARSHOT_SLEEPERS_H

#include "tasks.bpf.h"

/* The kernel took it for waiting when it was moved: asleep on no queue, and stamped. */
static __always_inline bool has_stale_stamp(struct task_struct *p)
{
	return keeps_sleepers() && !p->on_rq && p->sched_info.last_queued;
}

/* In place of the one that has been looked after longest, if there are too many. */
static __always_inline void look_after(struct cpu *there, struct task_struct *p)
{
	struct sleeper *sleeper;
	u32 at = 0;

	for (u32 i = 1; i < SLEEPERS; i++)
		if (there->sleepers[i].switches_left < there->sleepers[at].switches_left)
			at = i;
	if (at >= SLEEPERS)
		return;
	sleeper = &there->sleepers[at];
	sleeper->task = (u64)p;
	sleeper->pid = p->pid;
	sleeper->switches_left = SLEEPER_SWITCHES;
	keep_order();
	there->has_sleepers = 1;
}

/* Its wait begins: `now`, as far as can be known. */
static __always_inline void wake_sleeper(u32 pid, u64 now)
{
	struct task_entry *entry = find_task(pid);
	struct open_wait *open_wait = entry && entry->remembered.has_open_wait ? find_open_wait(pid) : NULL;

	if (open_wait && open_wait->is_bogus && !open_wait->awake)
		open_wait->awake = now;
}

/* True if it has to be looked at again. */
__noinline int look_at_sleeper(u32 row, u32 i, u64 now)
{
	struct cpu *here = cpu_at(row);
	struct sleeper *sleeper;
	struct task_struct *task;
	u32 on_rq, switches_left;

	if (!here || i >= SLEEPERS || !keeps_sleepers())
		return 0;
	sleeper = &here->sleepers[i];
	task = (struct task_struct *)sleeper->task;
	switches_left = sleeper->switches_left;
	if (!switches_left)
		return 0;
	sleeper->switches_left = 0;
	if (BPF_CORE_READ(task, pid) != sleeper->pid)
		return 0;
	on_rq = BPF_CORE_READ(task, on_rq);
	if (on_rq && (on_rq != TASK_ON_RQ_QUEUED || BPF_CORE_READ(task, on_cpu) ||
		      BPF_CORE_READ(task, se.cfs_rq, rq, cpu) != row))
		return 0;
	if (on_rq && !BPF_CORE_READ(task, se.sched_delayed)) {
		wake_sleeper(sleeper->pid, now);
		return 0;
	}
	sleeper->switches_left = switches_left - 1;
	return switches_left > 1;
}

/* At a switch of this CPU. */
__noinline int look_at_sleepers(u32 row, u64 now)
{
	struct cpu *here = cpu_at(row);
	bool has_sleepers = false;

	if (!here)
		return 0;
	here->has_sleepers = 0;
	keep_order();
	for (u32 i = 0; i < SLEEPERS; i++)
		has_sleepers |= look_at_sleeper(row, i, now);
	if (has_sleepers)
		here->has_sleepers = 1;
	return 0;
}

#endif
