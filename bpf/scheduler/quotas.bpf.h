/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which quotas a task is below, for how long each has stopped its level on this CPU, and the charge for it.
 *
 * throttled_time() of a group on a CPU grows by 1 ns a ns while the group cannot run there because of its
 * quota or one above, so its differences are exact. Those of a level and of the next one above it that has a
 * quota differ by what the lower quota alone has cost, so that no nanosecond is charged to two quotas.
 *
 * All of it is rare next to switches, and reads the kernel by address: so it is verified by itself.
 */
#ifndef EARSHOT_QUOTAS_H
#define EARSHOT_QUOTAS_H

#include "cells.bpf.h"
#include "walk.bpf.h"

/* Depth of nesting in which quotas are looked for. */
#define LEVELS 8

/* Adds the group on whose queue `entity` is, if it has a quota; returns the entity above, or 0. */
__noinline u64 read_level(u32 row, u64 entity, u64 at)
{
	struct sched_entity *se = (struct sched_entity *)entity;
	struct cfs_rq *cfs_rq = BPF_CORE_READ(se, cfs_rq);
	struct cpu *here = cpu_at(row);
	struct cgroup_subsys_state *css;
	struct quotas *quotas;
	u32 count;

	if (!here)
		return 0;
	quotas = &here->walk.quotas;
	if (has_quota(cfs_rq)) {
		count = quotas->count;
		keep_check_before(count);
		if (count >= QUOTAS) {
			lose(LOSS_QUOTA_MERGED);
			quotas->is_merged = 1;
			return 0;
		}
		css = &BPF_CORE_READ(cfs_rq, tg)->css;
		if (count || !throttles_tasks())
			quotas->throttled[count] = throttled_time(cfs_rq, at);
		quotas->serial[count] = BPF_CORE_READ(css, serial_nr);
		quotas->entity[count] = entity;
		if (!count && !throttles_tasks())
			quotas->on = (u64)cfs_rq;
		quotas->count = count + 1;
		introduce(row, css);
	}
	return (u64)BPF_CORE_READ(se, parent);
}

/* Fills the quotas above the group on whose queue `entity` is, the task of walk.subject or a group above it,
 * as they are at `at`. */
__noinline int read_quotas_of(u32 row, u64 entity, u64 at)
{
	struct sched_entity *se = (struct sched_entity *)entity;
	struct cpu *here = cpu_at(row);
	struct cfs_rq *cfs_rq;
	struct quotas *quotas;

	if (!here)
		return 0;
	cfs_rq = BPF_CORE_READ(se, cfs_rq);
	quotas = &here->walk.quotas;
	quotas->on = (u64)cfs_rq;
	quotas->throttled[0] = throttled_time(cfs_rq, at);
	quotas->serial[0] = 0;
	quotas->count = 0;
	quotas->is_merged = 0;
#pragma clang loop unroll(disable)
	for (int level = 0; level < LEVELS; level++) {
		entity = read_level(row, entity, at);
		if (!entity)
			break;
	}
	if (entity && !quotas->count) /* deeper than LEVELS */
		lose(LOSS_QUOTA_MERGED);
	return 0;
}

/* The same of walk.subject. */
static __always_inline void read_quotas(u32 row, struct cpu *here, u64 at)
{
	struct task_struct *task = (struct task_struct *)here->walk.subject;

	read_quotas_of(row, (u64)&task->se, at);
}

static __always_inline void copy_quotas(u64 *to, const u64 *from)
{
	for (int k = 0; k < QUOTAS; k++)
		to[k] = from[k];
}

static __always_inline void charge_quota(struct cpu *here, struct cell *cell, u64 serial, u64 ns)
{
	if (!ns || !serial)
		return;
	blame(cell->serial, serial, BLAMED_THROTTLED, ns, 0);
	if (ns > here->throttler_ns) {
		here->throttler = serial;
		here->throttler_ns = ns;
	}
}

/*
 * Charges `ns` of throttling, all or part of what the quotas of the walk did between walk.since and
 * walk.until: each level's growth less that of the level above is its own. What is left is the nearest
 * quota's.
 */
__noinline int charge_throttled(u32 row, u64 ns)
{
	struct cpu *here = cpu_at(row);
	u64 whole, left = ns, above = 0;
	struct cell *cell;

	if (!here)
		return 0;
	cell = bpf_map_lookup_elem(&cells, &here->walk.cell);
	if (!cell)
		return 0;
	whole = here->walk.until[0] - here->walk.since[0];
	cell->class[CLASS_THROTTLED] += ns;
	for (int k = QUOTAS - 1; k > 0; k--) {
		u64 grown, own;

		if (k >= here->walk.quotas.count)
			continue;
		grown = here->walk.until[k] - here->walk.since[k];
		own = grown > above && (s64)grown > 0 ? grown - above : 0;
		above += own;
		if (ns < whole)
			own = prorate(own, ns, whole);
		if (own > left)
			own = left;
		left -= own;
		charge_quota(here, cell, here->walk.quotas.serial[k], own);
	}
	charge_quota(here, cell, here->walk.quotas.serial[0], left);
	return 0;
}

/*
 * Charges [walk.from, walk.to) of a wait of which it is not known how much was throttled: to nobody, rather
 * than to those that ran meanwhile.
 */
__noinline int charge_unexplained(u32 row)
{
	struct cpu *here = cpu_at(row);
	struct cell *cell;

	if (!here)
		return 0;
	cell = bpf_map_lookup_elem(&cells, &here->walk.cell);
	if (!cell || here->walk.to <= here->walk.from)
		return 0;
	cell->class[CLASS_UNKNOWN] += here->walk.to - here->walk.from;
	here->walk.from = here->walk.to;
	here->walk.last = 0;
	lose(LOSS_THROTTLE_UNKNOWN);
	return 0;
}

#endif
