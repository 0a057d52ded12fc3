/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Waits that have not ended: one that goes on for seconds counts as it passes.
 *
 * User space runs the iterator before it reads. It charges what a task has waited so far to a row of cells
 * that is the iterator's own, and leaves an open wait with the time charged so far; the switch or the move
 * that ends the wait charges the rest. Both can happen at once, and neither holds a lock that stops the
 * other. So the iterator writes the open wait first, and then checks that the wait has not ended:
 *
 *	iterator				switch-in
 *	entry.run_delay is the kernel's		write entry.run_delay, ahead of the kernel's
 *	write entry.has_open_wait		read entry.has_open_wait, take the open_wait
 *	write the open_wait			...
 *	entry.run_delay is the same		the kernel's run_delay follows
 *
 * Nothing orders the store of a switch-in before its load; but the iterator takes the lock of a hash between
 * its store and its last load, which is far longer than a store waits to be seen. If the wait has ended, then
 * the open_wait is gone, and the switch has charged only the rest; or it is still there, and the switch has
 * charged everything: the iterator takes back what it charged.
 *
 * Each visit of a task is complete in itself, so that user space may leave any time between two of them: what
 * a wait has been charged is in its open wait, and a second visit charges what has passed since. A task that
 * begins or ends in between is visited once or not at all; what has not been charged is at the next reading,
 * or at the end of the wait.
 */
#ifndef EARSHOT_PROGRESS_H
#define EARSHOT_PROGRESS_H

#include "report.bpf.h"
#include "cuts.bpf.h"

/* Bound: one. The open_wait the iterator is about to write. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct open_wait);
} draft SEC(".maps");

static __always_inline void continue_walk(struct cpu *here, struct open_wait *open_wait)
{
	here->walk.from = open_wait->charged < here->walk.to ? open_wait->charged : here->walk.to;
	copy_quotas(here->walk.charged_throttled, open_wait->throttled);
	here->walk.charged_on = open_wait->throttled_on;
}

/* What has been charged of this wait while it went on is not charged again. */
static __always_inline void skip_charged(struct cpu *here, struct open_wait *open_wait)
{
	here->walk.moved = open_wait->has_moved;
	if (!open_wait->queued)
		return;
	if (open_wait->queued != here->walk.queued)
		lose(LOSS_PROGRESS_LOST);
	else
		continue_walk(here, open_wait);
	open_wait->queued = 0;
}

static __always_inline void add_in_progress(struct cell *cell, u64 wait)
{
	cell->wait += wait;
	cell->in_progress += wait;
}

/* The observed part of a wait stays with the task until the whole has ended. */
static __always_inline void carry(struct cpu *here, struct cell *cell, struct open_wait *open_wait, u64 wait)
{
	struct candidate worst = main_candidate(here);

	open_wait->carried += wait;
	for (int i = 0; i < CLASS_COUNT; i++)
		open_wait->class[i] += cell->class[i] - here->classes_before[i];
	if (worst.ns > open_wait->culprit_ns) {
		open_wait->culprit = worst.serial;
		open_wait->culprit_ns = worst.ns;
	}
	if (here->throttler_ns > open_wait->throttler_ns) {
		open_wait->throttler = here->throttler;
		open_wait->throttler_ns = here->throttler_ns;
	}
}

/* The wait of walk.subject has ended, and a part of it was charged before. 0: it is not to be charged at all.
 */
__noinline int take_open_wait(u32 row)
{
	struct cpu *here = cpu_at(row);
	struct task_struct *task;
	struct open_wait *open_wait;
	struct cell *cell;
	u32 pid;

	if (!here)
		return 1;
	here->walk.wait = here->walk.to - here->walk.from;
	here->walk.taken = ~0ULL;
	task = (struct task_struct *)here->walk.subject;
	pid = BPF_CORE_READ(task, pid);
	open_wait = find_open_wait(pid);
	cell = bpf_map_lookup_elem(&cells, &here->walk.cell);
	if (here->walk.remembered.is_bogus || (open_wait && open_wait->is_bogus)) {
		lose(LOSS_DELAYED_DEQUEUE);
		bpf_map_delete_elem(&open_waits, &pid);
		return 0;
	}
	if (!open_wait && here->walk.remembered.has_open_wait && !here->walk.remembered.was_raced)
		lose(LOSS_OPEN_WAIT_LOST);
	if (!open_wait || !cell)
		return 1;
	cell->in_progress -= open_wait->carried;
	here->walk.taken = open_wait->charged;
	if (open_wait->queued && open_wait->queued != here->walk.queued) { /* of a wait before */
		lose(LOSS_PROGRESS_LOST);
		bpf_map_delete_elem(&open_waits, &pid);
		return 1;
	}
	skip_charged(here, open_wait);
	here->walk.wait = here->walk.to - here->walk.from + open_wait->carried;
	return 1;
}

/* Adds what was charged before to the event, charges the throttled beginning of the rest, forgets the
 * open_wait.
 */
__noinline int end_open_wait(u32 row)
{
	struct cpu *here = cpu_at(row);
	struct task_struct *task;
	struct open_wait *open_wait;
	bool is_taken;
	u32 pid;

	if (!here)
		return 0;
	task = (struct task_struct *)here->walk.subject;
	pid = BPF_CORE_READ(task, pid);
	open_wait = find_open_wait(pid);
	/* else the iterator has just written it */
	is_taken = open_wait && open_wait->charged == here->walk.taken;
	if (open_wait && is_taken && here->reporting) {
		for (int i = 0; i < CLASS_COUNT; i++)
			here->classes_before[i] -= open_wait->class[i];
		here->candidates[0].serial = open_wait->culprit;
		here->candidates[0].ns = open_wait->culprit_ns;
		here->throttler = open_wait->throttler;
		here->throttler_ns = open_wait->throttler_ns;
	}
	if (throttles_tasks() && (is_taken || here->walk.remembered.was_throttled))
		charge_throttled_task(row);
	if (is_taken)
		bpf_map_delete_elem(&open_waits, &pid);
	return 0;
}

/* Copies the ring of `there` as of one moment. */
static __always_inline bool copy_ring(struct cpu *here, struct cpu *there)
{
	for (int attempt = 0; attempt < 3; attempt++) {
		u32 head = *(volatile u32 *)&there->head;
		u64 end = slice(there, head)->end;

		keep_order();
		here->head = head;
		here->running = there->running;
		here->newest_fine = there->newest_fine;
		here->newest_coarse = there->newest_coarse;
		keep_order();
		bpf_probe_read_kernel(here->ring, sizeof(here->ring), there->ring);
		keep_order();
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
	u64 queued = task->sched_info.last_queued, run_delay, from, to, serial;
	struct cpu *here = cpu_at(progress_row), *there;
	struct cgroup_subsys_state *css = NULL;
	u32 pid = task->pid, slot, index, source, zero = 0;
	struct open_wait *open_wait, *drafted;
	struct task_entry *entry;
	struct cell *cell;
	struct rq *rq;

	if (unlikely(has_core_cookie(task)))
		lose(LOSS_CORE_SCHEDULED);
	entry = find_task(pid);
	if (!entry) { /* has not run since the programs were attached */
		if (note_task(pid, task->sched_info.run_delay))
			return queued;
		if (queued)
			lose(LOSS_PROGRESS_DELAYED);
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
		lose(LOSS_PROGRESS_DELAYED);
		return false;
	}
	to = rq->clock; /* before the copy: what happens afterwards is not charged to what it shows */
	if (!copy_ring(here, there)) {
		lose(LOSS_PROGRESS_DELAYED);
		return false;
	}
	if (to < slice(here, here->head)->end)
		to = slice(here, here->head)->end;
	open_wait = entry->remembered.has_open_wait ? find_open_wait(pid) : NULL;
	if (entry->remembered.is_bogus || (open_wait && open_wait->is_bogus))
		return false;
	from = open_wait && open_wait->queued == queued ? open_wait->charged : queued;
	if (!to || to < from + progress_after)
		return false;
	serial = identify(task, &slot, &css);
	cell = cell_of(progress_row, css, serial, slot, &index);
	if (!cell)
		return false;

	if (!open_wait && !find_open_wait(pid) &&
	    bpf_map_update_elem(&open_waits, &pid, &no_open_wait, BPF_NOEXIST)) {
		lose(LOSS_OPEN_WAIT_FULL);
		return false;
	}
	begin_walk(here, source, index, serial, queued, to);
	if (open_wait && open_wait->queued == queued)
		continue_walk(here, open_wait);
	here->walk.remembered = entry->remembered;
	here->walk.ring = progress_row;
	here->walk.subject = (u64)task;
	here->walk.moved = open_wait && open_wait->has_moved;
	here->walk.stolen = to - rq->clock_task - slice(here, here->head)->stolen;
	if ((s64)here->walk.stolen < 0)
		here->walk.stolen = 0;
	observe(here, cell, 1);
	add_in_progress(cell, to - from);
	if (waits_for_any_cpu(task))
		charge_unknown(cell, to - from);
	else
		charge_waiting(progress_row, 0);
	here->reporting = 0;
	*drafted = no_open_wait;
	if (open_wait)
		bpf_probe_read_kernel(drafted, sizeof(*drafted), open_wait);
	carry(here, cell, drafted, to - from);
	drafted->queued = queued;
	drafted->charged = to;
	if (!throttles_tasks())
		drafted->throttled_on = (u64)task->se.cfs_rq;
	if (here->walk.remembered.was_throttled) {
		if (throttles_tasks() && task->throttled)
			drafted->throttling = THROTTLED_UNKNOWN;
		*(volatile u8 *)&entry->remembered.was_throttled = 0;
	}
	if (drafted->throttling || !throttles_tasks())
		copy_quotas(drafted->throttled, here->walk.quotas.throttled);
	*(volatile u8 *)&entry->remembered.has_open_wait = 1;
	if (bpf_map_update_elem(&open_waits, &pid, drafted, BPF_ANY)) {
		lose(LOSS_OPEN_WAIT_FULL);
		uncharge(here, cell, to - from);
		return false;
	}
	keep_order(); /* on x86-64 the lock of the hash has kept the store before this load */
	if (*(volatile u64 *)&entry->run_delay == run_delay && entry->pid == pid &&
	    *(volatile u64 *)&task->sched_info.last_queued == queued)
		return false;
	open_wait = find_open_wait(pid);
	if (open_wait && open_wait->queued == queued && open_wait->charged == to) {
		*(volatile u8 *)&entry->remembered.was_raced = 1;
		bpf_map_delete_elem(&open_waits, &pid);
		uncharge(here, cell, to - from);
		lose(LOSS_PROGRESS_RACED);
	}
	return false;
}

#endif
