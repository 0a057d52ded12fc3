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
		drop(DROP_SUPPRESSED);
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

/* For how long of [from, to) a CPU was idle, as far as its ring reaches: never too much. */
__noinline u64 idle_on(u32 cpu_id, u64 from, u64 to)
{
	struct cpu *there = cpu_at(cpu_id);
	u64 idle = 0, until = to;

	if (!there)
		return 0;
	for (u32 k = 0; k < RING_SLICES; k++) {
		u64 start = slice(there, there->head - k)->end, serial = there->running;

		if (!start)
			break;
		if (k)
			serial = slice(there, there->head - k + 1)->serial;
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
	return idle;
}

/* Remembers the CPU that was idle longest while the subject waited. */
__noinline int consider(u32 row, u32 cpu_id)
{
	struct cpu *here = cpu_at(row);
	u64 idle;

	if (!here || cpu_id == here->walk.source)
		return 0;
	idle = idle_on(cpu_id, here->walk.queued, slice(here, here->head)->end);
	if (idle > here->walk.idle_cpu_time) {
		here->walk.idle_cpu_time = idle;
		here->walk.idle_cpu = cpu_id;
	}
	return 0;
}

/* Where else the task could have run meanwhile: of the CPUs it may use, those in the same block of 64. */
static __always_inline void find_idle_cpu(struct cpu *here, u32 row, struct task_struct *task)
{
	u32 block = here->walk.source & ~63u;
	u64 allowed = 0;

	here->walk.idle_cpu_time = 0;
	here->walk.idle_cpu = 0;
	bpf_probe_read_kernel(&allowed, sizeof(allowed), (void *)BPF_CORE_READ(task, cpus_ptr) + block / 8);
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < 64; i++, allowed >>= 1) {
		/* no need of a better one; and looking at many costs a large machine dear */
		if (block + i >= progress_row || here->walk.idle_cpu_time > here->walk.wait / 2)
			break;
		if (allowed & 1)
			consider(row, block + i);
	}
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
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r) {
		drop(DROP_RING_FULL);
		if (here->walk.wait >= min_wait)
			cell->suppressed_long += weight;
		else
			cell->suppressed_short += weight;
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

/* A cgroup was made, removed, renamed or entered; `path` is below the hierarchy's root. */
static __always_inline int send_cgroup(struct cgroup *cgroup, const char *path, u32 change)
{
	struct cgroup_subsys_state *css = css_in(cgroup);
	struct cgroup_record *r;

	if (!css && !css_in(&cgroup->root->cgrp)) /* a hierarchy without the cpu controller */
		return 0;
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r) {
		drop(DROP_RING_FULL);
		return 0;
	}
	r->record.type = RECORD_CGROUP;
	r->record.bytes = sizeof(*r);
	r->change = change;
	r->monotonic = bpf_ktime_get_ns();
	r->slot = css ? css->id : 0;
	r->serial = css ? css->serial_nr : 0;
	r->cgroup = cgroup->kn->id;
	if (bpf_probe_read_kernel_str(r->path, sizeof(r->path), path) == sizeof(r->path))
		drop(DROP_PATH_TRUNCATED);
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return 0;
}

#endif
