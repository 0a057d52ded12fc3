/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose cell: who a task runs for, and where on this CPU the totals of that are kept. */
#ifndef EARSHOT_CELLS_H
#define EARSHOT_CELLS_H

#include "maps.bpf.h"

/* Depth of nesting in which a quota is looked for. */
#define LEVELS 8

static __always_inline struct cgroup_subsys_state *css_of(struct task_struct *p)
{
	return p->cgroups->subsys[bpf_core_enum_value(enum cgroup_subsys_id, cpu_cgrp_id)];
}

static __always_inline struct cgroup_subsys_state *css_in(struct cgroup *cgroup)
{
	return cgroup->subsys[bpf_core_enum_value(enum cgroup_subsys_id, cpu_cgrp_id)];
}

/*
 * Who a task runs for: its cgroup's serial number, WHO_KERNEL or WHO_IDLE; and its slot. The task group's css
 * is beside the fields the kernel has just read; only an autogroup (a session in the root cgroup) has none.
 */
static __always_inline u64 identify(struct task_struct *p, u32 *slot, struct cgroup_subsys_state **of)
{
	struct cgroup_subsys_state *css = &p->se.cfs_rq->tg->css;
	u32 flags = p->flags;

	*slot = 0; /* no css has this id */
	if (flags & (PF_IDLE | PF_KTHREAD))
		return flags & PF_IDLE ? WHO_IDLE : WHO_KERNEL;
	if (unlikely(!css->serial_nr))
		css = css_of(p);
	*slot = css->id;
	*of = css;
	return css->serial_nr;
}

/* The slot belongs to another cgroup now: what the former one did is sent to user space. */
__noinline int retire_cell(u32 index, u32 slot)
{
	struct cell *cell = bpf_map_lookup_elem(&cells, &index);
	struct retired_record *r;

	if (!cell || !cell->who)
		return 0;
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r) {
		drop(DROP_RETIRED_LOST);
		return 0;
	}
	r->record.type = RECORD_RETIRED;
	r->record.bytes = sizeof(*r);
	r->cpu = bpf_get_smp_processor_id();
	r->slot = slot;
	r->cell = *cell;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return 0;
}

/* The cell of `who` on this CPU, emptied first if the slot was another's. `css` is NULL for pseudo cgroups.
 */
static __always_inline struct cell *claim_cell(struct cgroup_subsys_state *css, u64 who, u32 slot, u32 *index)
{
	static const struct cell empty;
	struct cell *cell;

	*index = bpf_get_smp_processor_id() * slots + slot;
	cell = bpf_map_lookup_elem(&cells, index);
	if (cell && unlikely(cell->who != who)) {
		retire_cell(*index, slot);
		*cell = empty;
		cell->who = who;
		if (css)
			cell->cgroup = css->cgroup->kn->id;
	}
	return cell;
}

static __always_inline struct cell *cell_of(struct cgroup_subsys_state *css, u64 who, u32 slot, u32 *index)
{
	if (unlikely(slot >= slots - 1)) { /* the last one is shared */
		drop(DROP_NO_SLOT);
		slot = slots - 1;
		who = WHO_OVERFLOW;
		css = NULL;
	}
	return claim_cell(css, who, slot, index);
}

/* The nearest group, from the task's own upwards, whose quota has run out on this CPU; gets a cell, to have a
 * name. */
static __always_inline u64 throttler_of(struct task_struct *p)
{
	struct sched_entity *se = &p->se;

	for (int level = 0; level < LEVELS; level++) {
		struct cfs_rq *cfs_rq = se->cfs_rq;

		if (quota_ran_out(cfs_rq)) {
			struct cgroup_subsys_state *css = &cfs_rq->tg->css;
			u32 slot = css->id, index;

			if (slot < slots - 1)
				claim_cell(css, css->serial_nr, slot, &index);
			return css->serial_nr;
		}
		se = se->parent;
		if (!se)
			break;
	}
	return 0;
}

/* The cell `who` has on this CPU, if it has one. */
static __always_inline struct cell *find_cell(u64 who, u32 slot)
{
	bool is_shared = slot >= slots - 1;
	u32 index = bpf_get_smp_processor_id() * slots + (is_shared ? slots - 1 : slot);
	struct cell *cell = bpf_map_lookup_elem(&cells, &index);

	if (cell && cell->who == (is_shared ? WHO_OVERFLOW : who))
		return cell;
	drop(DROP_NO_CELL);
	return NULL;
}

#endif
