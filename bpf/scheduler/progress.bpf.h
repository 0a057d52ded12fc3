/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Waits that have not ended: one that goes on for seconds counts as it passes.
 *
 * User space runs the iterator before it reads. It charges what a task has waited so far to a row of cells
 * that is the iterator's own, and leaves an open wait with the time charged so far; the switch or the move
 * that ends the wait charges the rest, and takes the open wait. Both can happen at once, and neither holds a
 * lock that stops the other. So that neither overwrites what the other wrote, the iterator has an entry of
 * its own in `open_waits`, which it alone writes; and it checks that the wait has not ended after it has
 * written:
 *
 *	iterator				switch-in, or move
 *	entry.run_delay is the kernel's		write entry.run_delay, ahead of the kernel's
 *	write entry.may_be_charged		read entry.may_be_charged
 *	replace the open_wait			read the open_wait, delete it
 *	entry.run_delay is the same		...
 *
 * Nothing orders the store of a switch-in before its load; but the iterator takes the lock of a hash between
 * its store and its last load, which is far longer than a store waits to be seen. If the wait has ended, then
 * the open_wait is gone, and the switch has charged only the rest; or it cannot be replaced any more, or is
 * still there: then the switch knows nothing of this visit, and the iterator takes back what it charged and
 * leaves the open_wait as it was before.
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
	if (open_wait->queued)
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

static __always_inline void take_throttling(struct open_wait *to, const struct open_wait *from)
{
	to->throttled_on = from->throttled_on;
	to->throttled_at = from->throttled_at;
	to->throttling = from->throttling;
	copy_quotas(to->throttled, from->throttled);
}

static __always_inline void add_charged(struct open_wait *into, const struct open_wait *charged)
{
	into->carried += charged->carried;
	for (int i = 0; i < CLASS_COUNT; i++)
		into->class[i] += charged->class[i];
	if (charged->culprit_ns > into->culprit_ns) {
		into->culprit = charged->culprit;
		into->culprit_ns = charged->culprit_ns;
	}
	if (charged->throttler_ns > into->throttler_ns) {
		into->throttler = charged->throttler;
		into->throttler_ns = charged->throttler_ns;
	}
	into->queued = charged->queued;
	into->charged = charged->charged;
	take_throttling(into, charged);
}

/* Moves what the iterator has charged of the wait of walk.subject to its draft, if it is of this wait;
 * returns what it has charged of one before.
 */
__noinline u64 take_charged(u32 row, u32 pid)
{
	struct open_wait *open_wait = draft_at(row), *charged;
	u32 key = pid | BY_ITERATOR;
	struct cpu *here = cpu_at(row);
	u64 lost = 0;

	charged = find_open_wait(key);
	if (!here || !open_wait || !charged)
		return 0;
	if (charged->queued == here->walk.queued) {
		add_charged(open_wait, charged);
	} else if (charged->queued) {
		lost = charged->carried;
		lose(LOSS_PROGRESS_LOST);
	}
	bpf_map_delete_elem(&open_waits, &key);
	return lost;
}

/* Fills the draft of walk.subject's wait. */
static __always_inline struct open_wait *begin_draft(struct cpu *here, u32 row, struct open_wait *open_wait)
{
	struct open_wait *draft = draft_at(row);

	if (!draft)
		return NULL;
	*draft = no_open_wait;
	if (open_wait)
		bpf_probe_read_kernel(draft, sizeof(*draft), open_wait);
	here->walk.has_draft = 1;
	return draft;
}

/* The wait of walk.subject, whose stamp is wrong, begins when it was first found awake. False: it was not. */
static __always_inline bool begin_when_awake(struct cpu *here, const struct open_wait *open_wait)
{
	u64 awake = open_wait->awake;

	lose(awake ? LOSS_BEGIN_LATE : LOSS_DELAYED_DEQUEUE);
	here->walk.from = awake && awake < here->walk.to ? awake : here->walk.to;
	here->walk.queued = here->walk.from;
	return awake;
}

/* The wait of walk.subject has ended, and a part of it was charged before. 0: it is not to be charged at all.
 */
__noinline int take_open_wait(u32 row)
{
	struct cpu *here = cpu_at(row);
	struct task_struct *task;
	struct open_wait *open_wait = NULL, *draft;
	struct cell *cell;
	bool is_counted = true;
	u32 pid;

	if (!here)
		return 1;
	here->walk.wait = here->walk.to - here->walk.from;
	task = (struct task_struct *)here->walk.subject;
	pid = BPF_CORE_READ(task, pid);
	cell = bpf_map_lookup_elem(&cells, &here->walk.cell);
	if (!cell)
		return 1;
	if (here->walk.remembered.has_open_wait) {
		open_wait = find_open_wait(pid);
		if (!open_wait)
			lose(LOSS_OPEN_WAIT_LOST);
	}
	draft = begin_draft(here, row, open_wait);
	if (!draft)
		return 1;
	if (open_wait)
		bpf_map_delete_elem(&open_waits, &pid);
	if (here->walk.remembered.is_bogus || draft->is_bogus)
		is_counted = begin_when_awake(here, draft);
	if (here->walk.remembered.may_be_charged)
		cell->in_progress -= take_charged(row, pid);
	cell->in_progress -= draft->carried;
	if (is_counted)
		skip_charged(here, draft);
	here->walk.wait = here->walk.to - here->walk.from + draft->carried;
	return is_counted || draft->carried;
}

/* Adds what was charged before to the event, charges the throttled beginning of the rest. */
__noinline int end_open_wait(u32 row)
{
	struct cpu *here = cpu_at(row);
	struct open_wait *draft = draft_at(row);

	if (!here || !draft || !here->walk.has_draft)
		return 0;
	if (here->reporting) {
		for (int i = 0; i < CLASS_COUNT; i++)
			here->classes_before[i] -= draft->class[i];
		here->candidates[0].serial = draft->culprit;
		here->candidates[0].ns = draft->culprit_ns;
		here->throttler = draft->throttler;
		here->throttler_ns = draft->throttler_ns;
	}
	if (throttles_tasks())
		charge_throttled_task(row);
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
	u64 stamp = task->sched_info.last_queued, queued = stamp, run_delay, from, to, serial;
	struct cpu *here = cpu_at(progress_row), *there;
	struct cgroup_subsys_state *css = NULL;
	u32 pid = task->pid, key = pid | BY_ITERATOR, slot, index, source;
	bool is_again;
	struct open_wait *open_wait, *charged, *draft, *former;
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
	former = draft_at(progress_row + 1);
	if (!here || !there || !former)
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
	if (entry->remembered.is_bogus)
		return false;
	if (open_wait && open_wait->is_bogus) {
		queued = open_wait->awake;
		if (!queued)
			return false;
	}
	*former = no_open_wait;
	charged = find_open_wait(key);
	if (charged)
		bpf_probe_read_kernel(former, sizeof(*former), charged);
	is_again = former->queued == queued;
	from = is_again ? former->charged : queued;
	if (!to || to < from + progress_after)
		return false;
	serial = identify(task, &slot, &css);
	cell = cell_of(progress_row, css, serial, slot, &index);
	if (!cell)
		return false;

	if (!charged && bpf_map_update_elem(&open_waits, &key, &no_open_wait, BPF_NOEXIST)) {
		lose(LOSS_OPEN_WAIT_FULL);
		return false;
	}
	begin_walk(here, source, index, serial, queued, to);
	draft = begin_draft(here, progress_row, former);
	if (!draft)
		return false;
	if (is_again) {
		continue_walk(here, draft);
	} else {
		draft->throttling = NOT_THROTTLED;
		if (open_wait)
			take_throttling(draft, open_wait);
	}
	here->walk.remembered = entry->remembered;
	here->walk.ring = progress_row;
	here->walk.subject = (u64)task;
	here->walk.moved = open_wait && open_wait->has_moved;
	here->walk.stolen = to - rq->clock_task - slice(here, here->head)->stolen;
	if ((s64)here->walk.stolen < 0)
		here->walk.stolen = 0;
	here->walk.quotas.on = 0; /* not read where no quota matters */
	observe(here, cell, 1);
	add_in_progress(cell, to - from);
	if (waits_for_any_cpu(task))
		charge_unknown(cell, to - from);
	else
		charge_waiting(progress_row, 0);
	here->reporting = 0;
	carry(here, cell, draft, to - from);
	draft->queued = queued;
	draft->charged = to;
	if (!throttles_tasks())
		draft->throttled_on = here->walk.quotas.on;
	if (here->walk.remembered.was_throttled) {
		if (throttles_tasks() && task->throttled)
			draft->throttling = THROTTLED_UNKNOWN;
		*(volatile u8 *)&entry->remembered.was_throttled = 0;
	}
	if (draft->throttling || !throttles_tasks())
		copy_quotas(draft->throttled, here->walk.quotas.throttled);
	*(volatile u8 *)&entry->remembered.may_be_charged = 1;
	if (bpf_map_update_elem(&open_waits, &key, draft, BPF_EXIST)) {
		uncharge(here, cell, to - from);
		lose(LOSS_PROGRESS_RACED);
		return false;
	}
	keep_order(); /* on x86-64 the lock of the hash has kept the store before this load */
	if (*(volatile u64 *)&entry->run_delay == run_delay && entry->pid == pid &&
	    *(volatile u64 *)&task->sched_info.last_queued == stamp)
		return false;
	if (former->queued ? bpf_map_update_elem(&open_waits, &key, former, BPF_EXIST)
			   : bpf_map_delete_elem(&open_waits, &key))
		return false;
	uncharge(here, cell, to - from);
	lose(LOSS_PROGRESS_RACED);
	return false;
}

#endif
