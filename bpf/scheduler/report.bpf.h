/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What goes to user space as it happens: single waits, with the weight each stands for, and cgroups that come
 * and go. */
#ifndef EARSHOT_REPORT_H
#define EARSHOT_REPORT_H

#include "cells.bpf.h"
#include "walk.bpf.h"
#include "tasks.bpf.h"

/* Follows the classes of a wait, and which cgroups ran meanwhile, from here on. */
static __always_inline void observe(struct cpu *here, struct cell *cell, u32 weight)
{
	here->reporting = weight;
	here->throttler = 0;
	here->throttler_ns = 0;
	for (int i = 0; i < CLASS_COUNT; i++)
		here->classes_before[i] = cell->class[i];
	for (int i = 0; i < CANDIDATES; i++) {
		here->candidates[i].serial = 0;
		here->candidates[i].ns = 0;
	}
}

static __always_inline struct candidate main_candidate(struct cpu *here)
{
	struct candidate worst = {};

	for (int i = 0; i < CANDIDATES; i++)
		if (here->candidates[i].ns > worst.ns)
			worst = here->candidates[i];
	return worst;
}

/* Whether an event is due about this wait: all of at least `min_wait`, and on average one in `sample` shorter
 * ones. */
static __always_inline bool is_due(struct cpu *cpu, u64 wait)
{
	if (unlikely(wait >= min_wait))
		return true;
	if (!sample)
		return false;
	if (cpu->sample_in > 1) {
		cpu->sample_in--;
		return false;
	}
	return true;
}

/*
 * An event is due about the wait of `row`: as far as the cell's token bucket reaches. What it suppresses adds
 * to the weight of the next event of the same kind. The gaps between samples are random, so that no period of
 * the load is hit or missed.
 */
__noinline int begin_report(u32 row)
{
	struct cpu *here = cpu_at(row);
	struct cell *cell;
	u32 weight = 1, suppressed;
	bool is_long;
	u64 now;

	if (!here)
		return 0;
	cell = bpf_map_lookup_elem(&cells, &here->walk.cell);
	if (!cell)
		return 0;
	now = here->walk.to;
	is_long = here->walk.wait >= min_wait;
	if (!is_long) {
		here->sample_in = 1 + bpf_get_prandom_u32() % (2 * sample - 1);
		weight = sample;
	}
	suppressed = is_long ? cell->suppressed_long : cell->suppressed_short;
	weight += suppressed;
	if (cell->event_due > now + event_burst) {
		lose(LOSS_SUPPRESSED);
		suppressed = weight;
		weight = 0;
	} else {
		cell->event_due = (cell->event_due > now ? cell->event_due : now) + event_interval;
		suppressed = 0;
	}
	if (is_long)
		cell->suppressed_long = suppressed;
	else
		cell->suppressed_short = suppressed;
	if (weight)
		observe(here, cell, weight);
	return 0;
}

/*
 * For how long of [from, to) a CPU was idle, as far as its ring reaches: never too much, but for a switch
 * that is going on there. That CPU may switch meanwhile: it writes the slice, then the head, then what runs
 * (end_slice()). So what runs has begun with the newest slice only if the latter is still the same
 * afterwards; and of the slices, those are left out that it may be overwriting.
 */
__noinline u64 idle_on(u32 cpu_id, u64 from, u64 to)
{
	struct cpu *there = cpu_at(cpu_id);
	u64 idle = 0, until = to, start, serial;
	u32 head;

	if (!there)
		return 0;
	head = *(volatile u32 *)&there->head;
	keep_order();
	start = slice(there, head)->end;
	keep_order();
	serial = *(volatile u64 *)&there->running;
	keep_order();
	if (*(volatile u32 *)&there->head != head || *(volatile u64 *)&slice(there, head)->end != start)
		serial = SERIAL_KERNEL; /* of either that runs, none counts as idle */
	for (u32 k = 0; k < RING_SLICES - 2; k++) {
		if (k) {
			start = slice(there, head - k)->end;
			serial = slice(there, head - k + 1)->serial;
		}
		if (!start)
			break;
		if (start < from)
			start = from;
		if (until > start) {
			if (serial == SERIAL_IDLE)
				idle += until - start;
			until = start;
		}
		if (until <= from)
			break;
	}
	keep_order();
	return *(volatile u32 *)&there->head - head > 1 ? 0 : idle;
}

/* Each is up to nine cache lines of another CPU, read with this run queue locked. */
#define IDLE_CPUS 8

/* Remembers the CPU that was idle longest while the subject waited. 1: no other need be looked at. */
__noinline int consider(u32 row, u32 cpu_id, u32 is_allowed)
{
	struct cpu *here = cpu_at(row);
	u64 idle;

	if (!here || !is_allowed || cpu_id >= progress_row || cpu_id == here->walk.source)
		return 0;
	if (here->walk.idle_cpus++ >= IDLE_CPUS || here->walk.idle_cpu_time > here->walk.wait / 2)
		return 1;
	idle = idle_on(cpu_id, here->walk.queued, slice(here, here->head)->end);
	if (idle > here->walk.idle_cpu_time) {
		here->walk.idle_cpu_time = idle;
		here->walk.idle_cpu = cpu_id;
	}
	return 0;
}

/*
 * Where else the task could have run meanwhile: of the CPUs it may use, some in the same block of 64, the
 * first by chance.
 */
static __always_inline void find_idle_cpu(struct cpu *here, u32 row, struct task_struct *task)
{
	u32 block = here->walk.source & ~63u, start = bpf_get_prandom_u32();
	u64 allowed = 0;

	here->walk.idle_cpus = 0;
	here->walk.idle_cpu_time = 0;
	here->walk.idle_cpu = 0;
	bpf_probe_read_kernel(&allowed, sizeof(allowed), (void *)BPF_CORE_READ(task, cpus_ptr) + block / 8);
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < 64; i++) {
		u32 bit = (start + i) & 63;

		if (consider(row, block + bit, allowed >> bit & 1))
			break;
	}
}

/* A wait that is not reported adds to the next one's weight. */
static __always_inline void carry_weight(const struct cpu *here, struct cell *cell, u32 weight)
{
	if (here->walk.wait >= min_wait)
		cell->suppressed_long += weight;
	else
		cell->suppressed_short += weight;
}

/* The wait of `row` has been charged. */
__noinline int send_wait(u32 row)
{
	struct cpu *here = cpu_at(row);
	struct task_struct *task, *before;
	struct wait_record *r;
	struct candidate worst;
	struct cell *cell;
	u32 weight;

	if (!here)
		return 0;
	cell = bpf_map_lookup_elem(&cells, &here->walk.cell);
	if (!cell)
		return 0;
	weight = here->reporting;
	here->reporting = 0;
	/* what is left is for the records that nothing else makes up for */
	if (bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) > event_room) {
		lose(LOSS_EVENT_REFUSED);
		carry_weight(here, cell, weight);
		return 0;
	}
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r) {
		lose(LOSS_RING_FULL);
		carry_weight(here, cell, weight);
		return 0;
	}
	task = (struct task_struct *)here->walk.subject;
	before = (struct task_struct *)here->walk.before;
	worst = main_candidate(here);
	r->record.type = RECORD_WAIT;
	r->record.bytes = sizeof(*r);
	r->monotonic = bpf_ktime_get_ns();
	r->serial = cell->serial;
	r->cgroup = cell->cgroup;
	r->wait = here->walk.wait;
	for (int i = 0; i < CLASS_COUNT; i++)
		r->class[i] = cell->class[i] - here->classes_before[i];
	r->culprit = worst.serial;
	r->culprit_ns = worst.ns;
	r->throttler = here->throttler;
	r->throttler_ns = here->throttler_ns;
	r->last = slice(here, here->head)->serial;
	find_idle_cpu(here, row, task);
	r->idle_cpu_time = here->walk.idle_cpu_time;
	r->idle_cpu = here->walk.idle_cpu;
	r->weight = weight;
	r->cpu = row;
	r->pid = BPF_CORE_READ(task, pid);
	r->tgid = BPF_CORE_READ(task, tgid);
	r->last_pid = BPF_CORE_READ(before, pid);
	r->migrated = here->walk.moved;
	r->pad = 0;
	bpf_probe_read_kernel_str(r->comm, sizeof(r->comm), &task->comm);
	bpf_probe_read_kernel_str(r->last_comm, sizeof(r->last_comm), &before->comm);
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return 0;
}

/* A cgroup with a cpu controller of its own was removed. */
static __always_inline int send_removed(struct cgroup *cgroup)
{
	struct cgroup_subsys_state *css = css_in(cgroup);
	struct removed_record *r;

	if (!css)
		return 0;
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r) {
		lose(LOSS_RING_FULL);
		return 0;
	}
	r->record.type = RECORD_REMOVED;
	r->record.bytes = sizeof(*r);
	r->slot = css->id;
	r->pad = 0;
	r->serial = css->serial_nr;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return 0;
}

#endif
