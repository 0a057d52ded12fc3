// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Why does a task wait for a CPU, and which cgroup has it meanwhile?
 *
 * The kernel stamps every task when it is queued (`sched_info.last_queued`, on `rq->clock`). At the
 * tracepoint sched_switch the stamp of the task that gets the CPU is still there and the clock has just been
 * read, so one hook sees every wait, preempted ones included. A history of the cgroups that had the CPU,
 * walked back over the wait, names the culprits.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "cells.bpf.h"
#include "histogram.bpf.h"
#include "slices.bpf.h"
#include "cuts.bpf.h"
#include "report.bpf.h"
#include "missed.bpf.h"
#include "progress.bpf.h"
#include "sleepers.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Only there for its type, which user space looks up. */
const struct abi *const volatile abi = NULL;

/* `prev` leaves the CPU although it could run on: throttled, or pushed off by `next`. */
static __always_inline void switched_out(struct task_struct *prev, u64 serial, u32 slot, u64 next_serial,
					 struct cpu *cpu, u32 cpu_id, struct rq *rq)
{
	struct cfs_rq *cfs_rq = prev->se.cfs_rq;

	bool is_waiting = prev->on_rq == TASK_ON_RQ_QUEUED && !is_delayed(prev), is_throttled;

	if (!is_waiting && unlikely(task_state(prev) & TASK_DEAD))
		forget_task(prev->pid);
	if (throttles_tasks())
		is_throttled = is_waiting && prev->throttled;
	else /* also where it sleeps: others may wait */
		is_throttled = cfs_rq->throttle_count && !is_real_time(prev->prio);
	if (unlikely(is_throttled)) {
		cpu->walk.subject = (u64)prev;
		cpu->walk.victim = serial;
		cpu->walk.to = rq->clock;
		if (throttles_tasks())
			note_throttled_task(cpu_id);
		else
			note_throttled_queue(cpu_id);
		return;
	}
	if (!is_waiting)
		return;
	if (next_serial == serial || next_serial == SERIAL_KERNEL) {
		struct cell *cell = find_cell(cpu_id, serial, slot);

		if (cell && next_serial == serial)
			cell->preempted_by_self++;
		else if (cell)
			cell->preempted_by_kernel++;
	} else if (next_serial != SERIAL_IDLE) {
		blame(slot >= slots - 1 ? SERIAL_OVERFLOW : serial, next_serial, BLAMED_PREEMPTION, 1, 0);
	}
}

/* `next` gets the CPU: its wait is over. Most waits lie within the newest slice: then `walk` is not touched.
 */
static __always_inline void switched_in(struct task_struct *next, struct cgroup_subsys_state *css, u64 serial,
					u32 slot, struct cpu *cpu, u32 cpu_id, struct rq *rq,
					struct task_struct *prev)
{
	u64 from = next->sched_info.last_queued, now = rq->clock, wait, until = now;
	struct task_entry *entry;
	union remembered remembered = {};
	bool has_open_wait = false;
	struct cell *cell;
	u32 index;

	cell = cell_of(cpu_id, css, serial, slot, &index);
	if (!cell)
		return;
	if (unlikely(!from)) {
		lose(LOSS_UNSTAMPED);
		return;
	}
	if (unlikely(from > now)) {
		lose(LOSS_CLOCK_BACKWARDS);
		from = now;
	}
	wait = now - from;
	entry = find_or_add_task(next->pid);
	if (entry) {
		/* before the open wait is read: progress.bpf.h */
		entry->run_delay = next->sched_info.run_delay + wait;
		keep_order();
		has_open_wait = entry->remembered.any;
		if (unlikely(has_open_wait)) {
			remembered = entry->remembered;
			entry->remembered.any = 0;
		}
	}
	if (unlikely(has_open_wait)) {
		begin_walk(cpu, cpu_id, index, serial, from, now);
		cpu->walk.subject = (u64)next;
		cpu->walk.remembered = remembered;
		if (!take_open_wait(cpu_id))
			return;
		from = cpu->walk.from;
		wait = cpu->walk.wait;
	}
	count_wait(slot, wait);
	cell->wait += now - from;
	if (unlikely(is_due(cpu, wait))) {
		if (!has_open_wait) {
			begin_walk(cpu, cpu_id, index, serial, from, now);
			cpu->walk.subject = (u64)next;
		}
		cpu->walk.wait = wait;
		begin_report(cpu_id);
	}
	if (unlikely(has_open_wait)) {
		end_open_wait(cpu_id);
		from = cpu->walk.from;
	}
	if (throttles_tasks() || likely(!was_throttled(next->se.cfs_rq)) || serial == SERIAL_KERNEL ||
	    is_real_time(next->prio)) {
		if (slice(cpu, cpu->head - 1)->end)
			until = charge_slice(cpu_id, cpu, 0, cell, serial, from, now, wait);
		if (until > from) {
			if (!has_open_wait) {
				begin_walk(cpu, cpu_id, index, serial, from, until);
				cpu->walk.subject = (u64)next;
			}
			cpu->walk.to = until;
			walk_slices(cpu_id, 1);
		}
	} else {
		if (!has_open_wait) {
			begin_walk(cpu, cpu_id, index, serial, from, now);
			cpu->walk.subject = (u64)next;
		}
		cpu->walk.last = wait;
		charge_waiting(cpu_id, 1);
	}
	if (unlikely(cpu->reporting)) {
		cpu->walk.before = (u64)prev;
		send_wait(cpu_id);
	}
}

/* It may have come to its cgroup while it ran, and be the first there. */
__noinline int introduce_subject(u32 row)
{
	struct cpu *here = cpu_at(row);
	struct task_struct *task;

	if (!here)
		return 0;
	task = (struct task_struct *)here->walk.subject;
	introduce(row, &BPF_CORE_READ(task, se.cfs_rq, tg)->css);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	u32 cpu_id = bpf_get_smp_processor_id(), prev_slot, next_slot;
	struct cpu *cpu = bpf_map_lookup_elem(&cpus, &cpu_id);
	struct rq *rq = next->se.cfs_rq->rq;
	struct cgroup_subsys_state *css = NULL, *prev_css = NULL;
	u64 prev_serial, next_serial;

	if (!cpu)
		return 0;
	if (keeps_sleepers() && unlikely(cpu->has_sleepers))
		look_at_sleepers(cpu_id, rq->clock);
	/* known since it was switched in, unless it has moved to another cgroup since */
	if (cpu->running_on == (u64)prev->se.cfs_rq && cpu->running_task == (u64)prev) {
		prev_serial = cpu->running;
		prev_slot = cpu->running_slot;
	} else {
		prev_serial = identify(prev, &prev_slot, &prev_css);
		cpu->walk.subject = (u64)prev;
		introduce_subject(cpu_id);
		/* The idle task waits for nothing; a CPU that goes offline switches to it untold. */
		if (cpu->running_task != (u64)prev && cpu->running_on && prev_serial != SERIAL_IDLE) {
			lose(recovers_switches ? LOSS_SWITCH_MISSED : LOSS_SWITCH_LOST);
			cpu->walk.victim = prev_serial;
			cpu->walk.to = rq->clock;
			if (recovers_switches && recover_missed_switch(cpu_id, prev_slot))
				charge_waiting(cpu_id, 1);
		}
	}
	next_serial = identify(next, &next_slot, &css);

	end_slice(cpu, cpu_id, rq->clock, rq->clock - rq->clock_task, prev_serial, prev_slot);
	cpu->irq = irq_time(rq);
	cpu->running = next_serial;
	cpu->running_slot = next_slot;
	cpu->running_on = (u64)next->se.cfs_rq;
	cpu->running_task = (u64)next;
	if (prev_serial != SERIAL_IDLE)
		switched_out(prev, prev_serial, prev_slot, next_serial, cpu, cpu_id, rq);
	if (next_serial != SERIAL_IDLE)
		switched_in(next, css, next_serial, next_slot, cpu, cpu_id, rq, prev);
	return 0;
}

/* From 6.18 on: what was known of its throttling was of the CPU it leaves. */
static __always_inline void move_throttled(struct task_struct *p, struct task_entry *entry,
					   struct open_wait *open_wait)
{
	if (!throttles_tasks())
		return;
	entry->remembered.was_throttled = 0;
	if (open_wait)
		open_wait->throttling = NOT_THROTTLED;
	if (!p->throttled)
		return;
	lose(LOSS_THROTTLE_MOVED); /* and perhaps it is still throttled over there */
	if (open_wait)
		open_wait->throttling = THROTTLED_UNKNOWN;
	else
		entry->remembered.was_throttled = 1;
}

/*
 * A task is moved to another CPU while it waits. The kernel has closed the wait on the old one; the balancer
 * holds that run queue's lock, so its history stands still.
 */
SEC("tp_btf/sched_migrate_task")
int BPF_PROG(on_migrate, struct task_struct *p, int dest_cpu)
{
	u32 here_id = bpf_get_smp_processor_id(), slot, index, source;
	struct cpu *here = cpu_at(here_id), *there;
	struct cgroup_subsys_state *css = NULL;
	struct task_entry *entry;
	struct open_wait *open_wait, *draft;
	struct cell *cell;
	struct rq *rq;
	u64 now, run_delay, serial;
	s64 wait;

	if (!here)
		return 0;
	there = cpu_at(dest_cpu);
	if (p->on_rq != TASK_ON_RQ_MIGRATING) {
		if (unlikely(has_stale_stamp(p)) && there)
			look_after(there, p);
		return 0;
	}
	run_delay = p->sched_info.run_delay;
	entry = find_task(p->pid);
	if (!entry) {
		if (p->sched_info.pcount)
			lose(LOSS_TASK_MISSED);
		entry = find_or_add_task(p->pid);
		if (!entry)
			return 0;
		entry->run_delay = p->sched_info.pcount ? run_delay : 0;
	}
	wait = run_delay - entry->run_delay;
	entry->run_delay = run_delay;
	if (is_delayed(p)) {
		open_wait = add_open_wait(entry);
		if (open_wait) {
			open_wait->is_bogus = 1;
			open_wait->awake = 0;
			if (there)
				look_after(there, p);
		} else {
			entry->remembered.is_bogus = 1;
		}
		return 0;
	}
	rq = p->se.cfs_rq->rq;
	now = rq->clock;
	/* longer than since it last ran: another task's entry, torn by two CPUs at once */
	if (p->sched_info.pcount && wait > (s64)(now - p->sched_info.last_arrival)) {
		lose(LOSS_TASK_MISSED);
		return 0;
	}
	if (wait <= 0) {
		move_throttled(p, entry, entry->remembered.has_open_wait ? find_open_wait(p->pid) : NULL);
		return 0;
	}
	open_wait = add_open_wait(entry);
	source = rq->cpu;
	there = cpu_at(source);
	serial = identify(p, &slot, &css);
	cell = cell_of(here_id, css, serial, slot, &index);
	if (!there || !cell)
		return 0;
	begin_walk(here, source, index, serial, now - wait, now);
	here->walk.subject = (u64)p;
	here->walk.stolen = now - rq->clock_task - slice(there, there->head)->stolen;
	here->walk.remembered = entry->remembered;
	draft = begin_draft(here, here_id, open_wait);
	if (!draft)
		return 0;
	if (unlikely(entry->remembered.is_bogus || draft->is_bogus)) {
		begin_when_awake(here, draft);
		entry->remembered.is_bogus = 0; /* the kernel stamps it anew */
		draft->is_bogus = 0;
		if (open_wait)
			open_wait->is_bogus = 0;
	}
	if (entry->remembered.may_be_charged)
		cell->in_progress -= take_charged(here_id, p->pid);
	skip_charged(here, draft);
	wait = now - here->walk.from;
	observe(here, cell, 1);
	if (open_wait)
		add_in_progress(cell, wait);
	else
		cell->wait += wait;
	if (is_scheduled_by_bpf(p)) /* before it is queued elsewhere: it was for any CPU */
		charge_unknown(cell, wait);
	else
		charge_waiting(here_id, 1);
	here->reporting = 0;
	move_throttled(p, entry, open_wait ? draft : NULL);
	if (open_wait) {
		carry(here, cell, draft, wait);
		draft->has_moved = 1;
		*open_wait = *draft;
	} else {
		cell->in_progress -= draft->carried;
	}
	return 0;
}

/*
 * Run by user space, over all tasks, before it reads the totals: a byte for each, so that a read of so many
 * bytes ends after so many tasks. And once more if one of them is to be visited again, as it was there for
 * the first time.
 */
SEC("iter/task")
int on_progress(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	bool again;

	if (!task)
		return 0;
	again = charge_progress(task);
	bpf_seq_write(context->meta->seq, &again, sizeof(again));
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(on_cgroup_rmdir, struct cgroup *cgroup)
{
	return send_removed(cgroup);
}
