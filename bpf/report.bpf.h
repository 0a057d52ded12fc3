/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What goes to user space as it happens: single waits, with the weight each stands for, and cgroups that come
 * and go. */
#ifndef EARSHOT_REPORT_H
#define EARSHOT_REPORT_H

#include "cells.bpf.h"
#include "history.bpf.h"

/*
 * How many waits an event about this one would stand for; 0: no event. All waits of at least `min_wait`, and
 * on average one in `sample` shorter ones (the gaps are random, so that no period of the load is hit or
 * missed), as far as the cell's token bucket reaches. What it suppresses adds to the weight of the next event
 * of the same kind.
 */
static __always_inline u32 event_weight(struct cpu *cpu, struct cell *cell, u64 wait, u64 now)
{
	bool is_long = unlikely(wait >= min_wait);
	u32 weight = 1, suppressed;

	if (!is_long) {
		if (!sample)
			return 0;
		if (cpu->sample_in > 1) {
			cpu->sample_in--;
			return 0;
		}
		cpu->sample_in = 1 + bpf_get_prandom_u32() % (2 * sample - 1);
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
	return weight;
}

static __always_inline void begin_report(struct cpu *cpu, struct cell *cell, u32 weight)
{
	cpu->reporting = weight;
	cpu->throttler = 0;
	for (int i = 0; i < CLASS_COUNT; i++)
		cpu->before[i] = cell->class[i];
	for (int i = 0; i < SUSPECTS; i++) {
		cpu->suspects[i].who = 0;
		cpu->suspects[i].ns = 0;
	}
}

static __always_inline struct suspect main_suspect(struct cpu *cpu)
{
	struct suspect worst = {};

	for (int i = 0; i < SUSPECTS; i++)
		if (cpu->suspects[i].ns > worst.ns)
			worst = cpu->suspects[i];
	return worst;
}

static __always_inline void copy_comm(char *to, struct task_struct *p)
{
	bpf_probe_read_kernel_str(to, 16, &p->comm);
}

static __always_inline void send_wait(struct cpu *cpu, struct cell *cell, struct task_struct *next,
				      struct task_struct *prev, u64 wait, bool migrated)
{
	struct wait_record *r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	struct suspect worst = main_suspect(cpu);

	if (!r) {
		drop(DROP_RING_FULL);
		if (wait >= min_wait)
			cell->suppressed_long += cpu->reporting;
		else
			cell->suppressed_short += cpu->reporting;
		return;
	}
	r->record.type = RECORD_WAIT;
	r->record.bytes = sizeof(*r);
	r->monotonic = bpf_ktime_get_ns();
	r->who = cell->who;
	r->cgroup = cell->cgroup;
	r->wait = wait;
	for (int i = 0; i < CLASS_COUNT; i++)
		r->class[i] = cell->class[i] - cpu->before[i];
	r->culprit = worst.who;
	r->culprit_ns = worst.ns;
	r->throttler = cpu->throttler;
	r->last = slice(cpu, cpu->head)->who;
	r->weight = cpu->reporting;
	r->cpu = bpf_get_smp_processor_id();
	r->pid = next->pid;
	r->tgid = next->tgid;
	r->last_pid = prev->pid;
	r->migrated = migrated;
	copy_comm(r->comm, next);
	copy_comm(r->last_comm, prev);
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
}

/* A cgroup was made, removed or entered; `path` is below the hierarchy's root. */
static __always_inline int send_cgroup(struct cgroup *cgroup, const char *path, u32 change)
{
	struct cgroup_subsys_state *css = css_in(cgroup);
	struct cgroup_record *r;

	if (!css) /* another hierarchy, or no cpu controller of its own */
		return 0;
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r) {
		drop(DROP_RING_FULL);
		return 0;
	}
	r->record.type = RECORD_CGROUP;
	r->record.bytes = sizeof(*r);
	r->change = change;
	r->slot = css->id;
	r->who = css->serial_nr;
	r->cgroup = cgroup->kn->id;
	if (bpf_probe_read_kernel_str(r->path, sizeof(r->path), path) == sizeof(r->path))
		drop(DROP_PATH_TRUNCATED);
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return 0;
}

#endif
