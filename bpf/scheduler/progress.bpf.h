/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Waits that have not ended: one that goes on for seconds counts as it passes.
 *
 * User space runs the iterator before it reads. It charges what a task has waited so far to a row of cells
 * that is the iterator's own, and leaves a detour that says up to when; the switch or the move that ends the
 * wait charges the rest. Both can happen at once, and neither holds a lock that stops the other. So the
 * detour is written first, and then it is looked whether the wait has ended meanwhile:
 *
 *	iterator				switch-in
 *	entry.run_delay is the kernel's		write entry.run_delay, ahead of the kernel's
 *	write entry.has_detour			read entry.has_detour, take the detour
 *	write the detour			...
 *	entry.run_delay is the same		the kernel's run_delay follows
 *
 * Nothing orders the store of a switch-in before its load; but the iterator takes the lock of a hash between
 * its store and its last look, which is far longer than a store waits to be seen. If the wait has ended, then
 * the detour is gone, and the switch has charged only the rest; or it is still there, and the switch has
 * charged everything: the iterator takes back what it charged.
 */
#ifndef EARSHOT_PROGRESS_H
#define EARSHOT_PROGRESS_H

#include "report.bpf.h"
#include "throttle.bpf.h"

/* Bound: one. The detour the iterator is about to write. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct detour);
} draft SEC(".maps");

static __always_inline void continue_walk(struct cpu *here, struct detour *detour)
{
	here->walk.from = detour->charged < here->walk.to ? detour->charged : here->walk.to;
	here->walk.charged_throttled = detour->throttled[0];
	here->walk.charged_on = detour->throttled_on;
}

/* What has been charged of this wait while it went on is not charged again. */
static __always_inline void skip_charged(struct cpu *here, struct detour *detour)
{
	here->walk.moved = detour->has_moved;
	if (!detour->queued)
		return;
	if (detour->queued != here->walk.queued)
		drop(DROP_PROGRESS_LOST);
	else
		continue_walk(here, detour);
	detour->queued = 0;
}

static __always_inline void add_in_progress(struct cell *cell, u64 wait)
{
	cell->wait += wait;
	cell->in_progress += wait;
}

/* The observed part of a wait stays with the task until the whole has ended. */
static __always_inline void carry(struct cpu *here, struct cell *cell, struct detour *detour, u64 wait)
{
	struct suspect worst = main_suspect(here);

	detour->carried += wait;
	for (int i = 0; i < CLASS_COUNT; i++)
		detour->class[i] += cell->class[i] - here->classes_before[i];
	if (worst.ns > detour->culprit_ns) {
		detour->culprit = worst.who;
		detour->culprit_ns = worst.ns;
	}
	if (here->throttler_ns > detour->throttler_ns) {
		detour->throttler = here->throttler;
		detour->throttler_ns = here->throttler_ns;
	}
}

/* The wait of walk.subject has ended, and a part of it was charged before. 0: it is not to be charged at all.
 */
__noinline int take_detour(u32 row)
{
	struct cpu *here = cpu_at(row);
	struct task_struct *task;
	struct detour *detour;
	struct cell *cell;
	u32 pid;

	if (!here)
		return 1;
	here->walk.wait = here->walk.to - here->walk.from;
	here->walk.taken = ~0ULL;
	task = (struct task_struct *)here->walk.subject;
	pid = BPF_CORE_READ(task, pid);
	detour = find_detour(pid);
	cell = bpf_map_lookup_elem(&cells, &here->walk.cell);
	if (!detour || !cell)
		return 1;
	if (detour->is_bogus) {
		drop(DROP_DELAYED_DEQUEUE);
		bpf_map_delete_elem(&detours, &pid);
		return 0;
	}
	cell->in_progress -= detour->carried;
	here->walk.taken = detour->charged;
	if (detour->queued && detour->queued != here->walk.queued) { /* of a wait before */
		drop(DROP_PROGRESS_LOST);
		bpf_map_delete_elem(&detours, &pid);
		return 1;
	}
	skip_charged(here, detour);
	here->walk.wait = here->walk.to - here->walk.from + detour->carried;
	return 1;
}

/* Adds what was charged before to the event, charges the throttled beginning of the rest, forgets the detour.
 */
__noinline int end_detour(u32 row)
{
	struct cpu *here = cpu_at(row);
	struct task_struct *task;
	struct detour *detour;
	u32 pid;

	if (!here)
		return 0;
	task = (struct task_struct *)here->walk.subject;
	pid = BPF_CORE_READ(task, pid);
	detour = find_detour(pid);
	if (!detour || detour->charged != here->walk.taken) /* the iterator has just written it */
		return 0;
	if (here->reporting) {
		for (int i = 0; i < CLASS_COUNT; i++)
			here->classes_before[i] -= detour->class[i];
		here->suspects[0].who = detour->culprit;
		here->suspects[0].ns = detour->culprit_ns;
		here->throttler = detour->throttler;
		here->throttler_ns = detour->throttler_ns;
	}
	if (throttles_tasks())
		charge_throttled_task(row);
	bpf_map_delete_elem(&detours, &pid);
	return 0;
}

/* Copies the ring of `there` as of one moment. */
static __always_inline bool copy_ring(struct cpu *here, struct cpu *there)
{
	for (int attempt = 0; attempt < 3; attempt++) {
		u32 head = *(volatile u32 *)&there->head;
		u64 end = slice(there, head)->end;

		here->head = head;
		here->running = there->running;
		here->newest_fine = there->newest_fine;
		here->newest_coarse = there->newest_coarse;
		bpf_probe_read_kernel(here->ring, sizeof(here->ring), there->ring);
		if (*(volatile u32 *)&there->head == head && slice(there, head)->end == end &&
		    slice(here, head)->end == end)
			return true;
	}
	return false;
}

/* Takes back what was charged of a wait. */
static __always_inline void uncharge(struct cpu *here, struct cell *cell, u64 wait)
{
	for (int i = 0; i < CLASS_COUNT; i++)
		cell->class[i] = here->classes_before[i];
	add_in_progress(cell, -wait);
}

/* True if the task has to be looked at again. */
static __always_inline bool charge_progress(struct task_struct *task)
{
	u64 queued = task->sched_info.last_queued, run_delay, from, to, who;
	struct cpu *here = cpu_at(progress_row), *there;
	struct cgroup_subsys_state *css = NULL;
	u32 pid = task->pid, slot, index, source, zero = 0;
	struct detour *detour, *drafted;
	struct task_entry *entry;
	struct cell *cell;
	struct rq *rq;

	entry = find_task(pid);
	if (!entry) { /* has not run since the programs were attached */
		if (note_task(pid, task->sched_info.run_delay))
			return queued;
		if (queued)
			drop(DROP_PROGRESS_DELAYED);
		return false;
	}
	if (task->on_rq != TASK_ON_RQ_QUEUED || task->on_cpu || !queued || is_delayed(task))
		return false;
	rq = task->se.cfs_rq->rq;
	source = rq->cpu;
	there = cpu_at(source);
	drafted = bpf_map_lookup_elem(&draft, &zero);
	if (!here || !there || !drafted)
		return false;
	run_delay = *(volatile u64 *)&entry->run_delay;
	if (run_delay !=
	    *(volatile u64 *)&task->sched_info.run_delay) { /* just being switched in, or moved */
		drop(DROP_PROGRESS_DELAYED);
		return false;
	}
	if (!copy_ring(here, there)) {
		drop(DROP_PROGRESS_DELAYED);
		return false;
	}
	to = rq->clock;
	if (to < slice(here, here->head)->end)
		to = slice(here, here->head)->end;
	detour = entry->has_detour ? find_detour(pid) : NULL;
	if (detour && detour->is_bogus)
		return false;
	from = detour && detour->queued == queued ? detour->charged : queued;
	if (!to || to < from + progress_after)
		return false;
	who = identify(task, &slot, &css);
	cell = cell_of(progress_row, css, who, slot, &index);
	if (!cell)
		return false;

	if (!detour && !find_detour(pid) && bpf_map_update_elem(&detours, &pid, &no_detour, BPF_NOEXIST)) {
		drop(DROP_DETOUR_FULL);
		return false;
	}
	begin_walk(here, source, index, who, queued, to);
	if (detour && detour->queued == queued)
		continue_walk(here, detour);
	here->walk.ring = progress_row;
	here->walk.subject = (u64)task;
	here->walk.moved = detour && detour->has_moved;
	here->walk.stolen = to - rq->clock_task - slice(here, here->head)->stolen;
	if ((s64)here->walk.stolen < 0)
		here->walk.stolen = 0;
	observe(here, cell, 1);
	add_in_progress(cell, to - from);
	charge_waiting(progress_row, 0);
	here->reporting = 0;
	*drafted = no_detour;
	if (detour)
		bpf_probe_read_kernel(drafted, sizeof(*drafted), detour);
	carry(here, cell, drafted, to - from);
	drafted->queued = queued;
	drafted->charged = to;
	if (!throttles_tasks())
		drafted->throttled_on = (u64)task->se.cfs_rq;
	if (drafted->is_throttled || !throttles_tasks())
		copy_quotas(drafted->throttled, here->walk.quotas.throttled);
	*(volatile u32 *)&entry->has_detour = 1;
	if (bpf_map_update_elem(&detours, &pid, drafted, BPF_ANY)) {
		drop(DROP_DETOUR_FULL);
		uncharge(here, cell, to - from);
		return false;
	}
	if (*(volatile u64 *)&entry->run_delay == run_delay && entry->pid == pid &&
	    *(volatile u64 *)&task->sched_info.last_queued == queued)
		return false;
	detour = find_detour(pid);
	if (detour && detour->queued == queued && detour->charged == to) {
		bpf_map_delete_elem(&detours, &pid);
		uncharge(here, cell, to - from);
		drop(DROP_PROGRESS_RACED);
	}
	return false;
}

#endif
