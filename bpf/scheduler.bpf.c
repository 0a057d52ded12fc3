// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Why does a task wait for a CPU, and who has it meanwhile?
 *
 * The kernel stamps every task when it is queued (`sched_info.last_queued`, on `rq->clock`). At the
 * tracepoint sched_switch the stamp of the task that gets the CPU is still there and the clock has just been
 * read, so one hook sees every wait, preempted ones included. A history of who had the CPU, walked back over
 * the wait, says because of whom.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "cells.bpf.h"
#include "histogram.bpf.h"
#include "throttle.bpf.h"
#include "report.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Only there for its type, which user space looks up. */
const struct abi *const volatile abi = NULL;

/* A slice is cut after this time even if nobody else ran, so that epochs stay short. */
#define SLICE_SPAN FINE_SPAN

/* `prev` leaves the CPU: who ran since the last switch goes into the history, finished slices into its run
 * time. */
static __always_inline void end_slice(struct cpu *cpu, u32 cpu_id, struct rq *rq, u64 who, u32 slot)
{
	struct occupant *newest = slice(cpu, cpu->head), *before = slice(cpu, cpu->head - 1);
	u64 now = rq->clock;

	if (newest->who != who || !newest->end || now - before->end > SLICE_SPAN) {
		if (newest->who != WHO_IDLE && before->end) {
			struct cell *cell = find_cell(newest->who, newest->slot);
			u64 span = newest->end - before->end, stolen = newest->stolen - before->stolen;

			if (cell)
				cell->run += span > stolen ? span - stolen : 0;
		}
		fold_slice(cpu, cpu_id);
		cpu->head++;
		newest = slice(cpu, cpu->head);
		newest->who = who;
		newest->slot = slot;
		newest->class = who == WHO_IDLE ? CLASS_IDLE : who == WHO_KERNEL ? CLASS_KERNEL : CLASS_OTHER;
	}
	newest->end = now;
	newest->stolen = now - rq->clock_task;
	cpu->irq = irq_time(rq);
}

/* `prev` leaves the CPU although it could run on: throttled, or pushed off by `next`. */
static __always_inline void switched_out(struct task_struct *prev, u64 who, u32 slot, u64 next_who,
					 u32 cpu_id, struct rq *rq)
{
	struct cfs_rq *cfs_rq = prev->se.cfs_rq;
	struct task_entry *entry;
	struct detour *detour;

	if (prev->on_rq != TASK_ON_RQ_QUEUED || is_delayed(prev)) {
		if (unlikely(task_state(prev) & TASK_DEAD))
			forget_task(prev->pid);
		return;
	}
	if (throttles_tasks()) {
		if (unlikely(prev->throttled)) {
			entry = find_task(prev->pid);
			if (!entry)
				entry = add_task(prev->pid);
			detour = entry ? add_detour(entry) : NULL;
			if (detour) {
				detour->is_throttled = 1;
				detour->throttled_from = throttled_time(cfs_rq, rq);
				detour->throttled_on = (u64)cfs_rq;
				detour->throttler = throttler_of(prev);
			}
			return;
		}
	} else if (cfs_rq->throttle_count) {
		note_throttled_group(prev, who, cpu_id, rq, throttler_of(prev));
		return;
	}
	if (next_who == who || next_who == WHO_KERNEL) {
		struct cell *cell = find_cell(who, slot);

		if (cell && next_who == who)
			cell->preempted_by_self++;
		else if (cell)
			cell->preempted_by_kernel++;
	} else if (next_who != WHO_IDLE) {
		blame(slot >= slots - 1 ? WHO_OVERFLOW : who, next_who, 0, 0, 1);
	}
}

/* Charges [from, now) of a wait on this CPU. Most waits lie within the newest slice. */
static __always_inline void walk_here(struct cpu *cpu, u32 cpu_id, struct cell *cell, u32 index, u64 who,
				      u64 from, u64 now)
{
	if (slice(cpu, cpu->head - 1)->end)
		now = charge_slice(cpu, cpu, 0, cell, who, from, now);
	if (now > from) {
		begin_walk(cpu, index, who, from, now);
		walk_slices(cpu_id, 1);
	}
}

/* From 6.18 on: since the task was throttled. Nobody knows, if it has moved to another group meanwhile. */
static __always_inline u64 throttled_since_mark(struct detour *detour, struct cfs_rq *cfs_rq, struct rq *rq)
{
	if (detour->throttled_on != (u64)cfs_rq) {
		drop(DROP_THROTTLE_MOVED);
		return 0;
	}
	return throttled_time(cfs_rq, rq) - detour->throttled_from;
}

/* The wait of `next` goes into its cell, by class. */
static __always_inline void charge_wait(struct task_struct *next, u64 who, struct cpu *cpu, u32 cpu_id,
					struct rq *rq, struct cell *cell, u32 index, u64 from,
					struct detour *detour)
{
	struct cfs_rq *cfs_rq = next->se.cfs_rq;
	u64 now = rq->clock, throttled;

	cell->wait += now - from;
	if (throttles_tasks()) {
		if (unlikely(detour && detour->is_throttled)) {
			throttled = throttled_since_mark(detour, cfs_rq, rq);
			if (throttled > now - from)
				throttled = now - from;
			cell->class[CLASS_THROTTLED] += throttled;
			from += throttled;
			if (throttled && detour->throttler)
				blame(cell->who, detour->throttler, 0, throttled, 0);
		}
	} else {
		u64 mark = who == WHO_KERNEL ? 0 : throttled_time(cfs_rq, rq);
		struct throttle *throttle = mark ? throttle_of(who, cpu_id) : NULL;

		if (throttle) {
			note_unseen(throttle, mark, now);
			cpu->throttler = throttle->interval[throttle->newest & (INTERVALS - 1)].throttler;
			begin_walk(cpu, index, who, from, now);
			walk_throttled(cpu_id, index, from, now, mark);
			return;
		}
	}
	walk_here(cpu, cpu_id, cell, index, who, from, now);
}

/* `next` gets the CPU: its wait is over. */
static __always_inline void switched_in(struct task_struct *next, struct cgroup_subsys_state *css, u64 who,
					u32 slot, struct cpu *cpu, u32 cpu_id, struct rq *rq,
					struct task_struct *prev)
{
	u64 from = next->sched_info.last_queued, now = rq->clock, wait;
	struct detour *detour = NULL;
	struct task_entry *entry;
	u32 pid = next->pid, index, weight;
	struct cell *cell;

	cell = cell_of(css, who, slot, &index);
	if (!cell || !from)
		return;
	if (unlikely(from > now)) {
		drop(DROP_CLOCK_BACKWARDS);
		from = now;
	}
	wait = now - from;
	entry = find_task(pid);
	if (unlikely(!entry))
		entry = add_task(pid);
	if (entry) {
		entry->run_delay = next->sched_info.run_delay + wait;
		if (unlikely(entry->has_detour)) {
			entry->has_detour = 0;
			detour = find_detour(pid);
		}
	}
	if (unlikely(detour)) {
		if (detour->is_bogus) {
			drop(DROP_DELAYED_DEQUEUE);
			bpf_map_delete_elem(&detours, &pid);
			return;
		}
		wait += detour->carried;
	}
	count_wait(slot, wait);
	weight = event_weight(cpu, cell, wait, now);
	if (unlikely(weight)) {
		begin_report(cpu, cell, weight);
		if (detour) {
			cpu->throttler = detour->throttler;
			for (int i = 0; i < CLASS_COUNT; i++)
				cpu->before[i] -= detour->class[i];
			cpu->suspects[0].who = detour->culprit;
			cpu->suspects[0].ns = detour->culprit_ns;
		}
	}
	charge_wait(next, who, cpu, cpu_id, rq, cell, index, from, detour);
	if (unlikely(weight)) {
		send_wait(cpu, cell, next, prev, wait, detour && detour->carried);
		cpu->reporting = 0;
	}
	if (unlikely(detour))
		bpf_map_delete_elem(&detours, &pid);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	u32 cpu_id = bpf_get_smp_processor_id(), prev_slot, next_slot;
	struct cpu *cpu = bpf_map_lookup_elem(&cpus, &cpu_id);
	struct rq *rq = next->se.cfs_rq->rq;
	struct cgroup_subsys_state *css = NULL, *prev_css = NULL;
	u64 prev_who, next_who;

	if (!cpu)
		return 0;
	/* known since it was switched in, unless it has moved to another cgroup since */
	if (cpu->running_on == (u64)prev->se.cfs_rq) {
		prev_who = cpu->running;
		prev_slot = cpu->running_slot;
	} else {
		prev_who = identify(prev, &prev_slot, &prev_css);
	}
	next_who = identify(next, &next_slot, &css);
	cpu->running = next_who;
	cpu->running_slot = next_slot;
	cpu->running_on = (u64)next->se.cfs_rq;

	end_slice(cpu, cpu_id, rq, prev_who, prev_slot);
	if (prev_who != WHO_IDLE)
		switched_out(prev, prev_who, prev_slot, next_who, cpu_id, rq);
	if (next_who != WHO_IDLE)
		switched_in(next, css, next_who, next_slot, cpu, cpu_id, rq, prev);
	return 0;
}

/*
 * A task is moved to another CPU while it waits. The kernel has closed the wait on the old one; the balancer
 * holds that run queue's lock, so its history stands still.
 */
SEC("tp_btf/sched_migrate_task")
int BPF_PROG(on_migrate, struct task_struct *p, int dest_cpu)
{
	struct task_entry *entry;
	struct detour *detour;
	struct cfs_rq *cfs_rq;
	struct cpu *here, *there;
	struct cell *cell;
	struct suspect worst;
	struct rq *rq;
	struct cgroup_subsys_state *css = NULL;
	struct throttle *throttle = NULL;
	u64 now, run_delay, last, who, ns, from, mark = 0;
	u32 slot, index, source;
	s64 wait;

	if (p->on_rq != TASK_ON_RQ_MIGRATING)
		return 0;
	here = this_cpu();
	if (!here)
		return 0;
	run_delay = p->sched_info.run_delay;
	entry = find_task(p->pid);
	if (!entry) {
		if (p->sched_info.pcount)
			drop(DROP_TASK_MISSED);
		entry = add_task(p->pid);
		if (!entry)
			return 0;
		entry->run_delay = p->sched_info.pcount ? run_delay : 0;
	}
	wait = run_delay - entry->run_delay;
	entry->run_delay = run_delay;
	cfs_rq = p->se.cfs_rq;
	rq = cfs_rq->rq;
	now = rq->clock;
	/* longer than since it last ran: another task's entry, torn by two CPUs at once */
	if (p->sched_info.pcount && wait > (s64)(now - p->sched_info.last_arrival)) {
		drop(DROP_TASK_MISSED);
		return 0;
	}
	if (is_delayed(p)) {
		detour = add_detour(entry);
		if (detour)
			detour->is_bogus = 1;
		return 0;
	}
	if (wait <= 0)
		return 0;
	detour = add_detour(entry);
	source = rq->cpu;
	there = bpf_map_lookup_elem(&cpus, &source);
	who = identify(p, &slot, &css);
	cell = cell_of(css, who, slot, &index);
	if (!there || !cell || (detour && detour->is_bogus))
		return 0;

	from = now - wait;
	begin_report(here, cell, 1);
	cell->wait += wait;
	if (throttles_tasks() && detour && detour->is_throttled) {
		ns = throttled_since_mark(detour, cfs_rq, rq);
		if (ns > (u64)wait)
			ns = wait;
		detour->is_throttled = 0;
		cell->class[CLASS_THROTTLED] += ns;
		if (ns && detour->throttler)
			blame(cell->who, detour->throttler, 0, ns, 0);
		from += ns;
	}
	/* since the last switch over there, the task it switched to has been running */
	last = slice(there, there->head)->end;
	if (last < from)
		last = from;
	if (!throttles_tasks() && who != WHO_KERNEL) {
		mark = throttled_time(cfs_rq, rq);
		throttle = mark ? throttle_of(who, source) : NULL;
	}
	ns = now - last;
	if (throttle) {
		u64 throttled = throttled_after(throttle, last, mark), throttler;

		if (throttled > ns)
			throttled = ns;
		throttler = throttle->interval[throttle->newest & (INTERVALS - 1)].throttler;
		cell->class[CLASS_THROTTLED] += throttled;
		if (throttled && throttler)
			blame(cell->who, throttler, 0, throttled, 0);
		if (detour)
			detour->throttler = throttler;
		ns -= throttled;
		mark -= throttled;
	}
	if (there->running == who) {
		cell->class[CLASS_SELF] += ns;
	} else if (there->running == WHO_IDLE) {
		cell->class[CLASS_IDLE] += ns;
	} else if (there->running == WHO_KERNEL) {
		cell->class[CLASS_KERNEL] += ns;
	} else {
		cell->class[CLASS_OTHER] += ns;
		blame_time(here, cell->who, there->running, ns);
	}
	if (last > from) {
		if (throttle) {
			begin_walk(here, index, who, from, last);
			walk_throttled(source, index, from, last, mark);
		} else {
			walk(source, index, who, from, last);
		}
	}
	here->reporting = 0;
	if (!detour)
		return 0;
	detour->carried += wait;
	for (int i = 0; i < CLASS_COUNT; i++)
		detour->class[i] += cell->class[i] - here->before[i];
	worst = main_suspect(here);
	if (worst.ns > detour->culprit_ns) {
		detour->culprit = worst.who;
		detour->culprit_ns = worst.ns;
	}
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(on_cgroup_mkdir, struct cgroup *cgroup, const char *path)
{
	return send_cgroup(cgroup, path, CGROUP_MKDIR);
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(on_cgroup_rmdir, struct cgroup *cgroup, const char *path)
{
	return send_cgroup(cgroup, path, CGROUP_RMDIR);
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(on_cgroup_attach_task, struct cgroup *cgroup, const char *path, struct task_struct *task,
	     bool group)
{
	return send_cgroup(cgroup, path, CGROUP_ATTACH);
}
