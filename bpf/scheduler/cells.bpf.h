/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds the cell of a task: the cgroup it runs for, and where on this CPU its totals are kept. */
#ifndef EARSHOT_CELLS_H
#define EARSHOT_CELLS_H

#include "css.bpf.h"
#include "maps.bpf.h"

/*
 * What a task runs for: its cgroup's serial number, SERIAL_KERNEL or SERIAL_IDLE; and its slot. The pointer
 * to the task group is on a cache line that __schedule() has just read, beside `sched_class`; only an
 * autogroup (a session in the root cgroup) has no css.
 */
static __always_inline u64 identify(struct task_struct *p, u32 *slot, struct cgroup_subsys_state **of)
{
	struct cgroup_subsys_state *css = &p->sched_task_group->css;
	u32 flags = p->flags;

	*slot = 0; /* no css has this id */
	if (flags & (PF_IDLE | PF_KTHREAD))
		return flags & PF_IDLE ? SERIAL_IDLE : SERIAL_KERNEL;
	if (unlikely(!css->serial_nr))
		css = css_of(p);
	*slot = css->id;
	*of = css;
	return css->serial_nr;
}

/* The slot belongs to another cgroup now: what the former one did is sent to user space. */
__noinline int retire_cell(u32 row, u32 slot)
{
	u32 index = row * slots + slot;
	struct cell *cell = bpf_map_lookup_elem(&cells, &index);
	struct retired_record *r;

	if (!cell || !cell->serial)
		return 0;
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r) {
		lose(LOSS_RETIRED_LOST);
		return 0;
	}
	r->record.type = RECORD_RETIRED;
	r->record.bytes = sizeof(*r);
	r->cpu = row;
	r->slot = slot;
	r->cell = *cell;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return 0;
}

static __always_inline void empty_cell(struct cell *cell, u32 row, u32 slot, u64 serial)
{
	static const struct cell empty;

	retire_cell(row, slot);
	*cell = empty;
	cell->serial = serial;
}

/* The cell of `serial` in this row, emptied first if the slot was another's. `css` is NULL for pseudo
 * cgroups.
 */
static __always_inline struct cell *cell_of(u32 row, struct cgroup_subsys_state *css, u64 serial, u32 slot,
					    u32 *index)
{
	struct cell *cell;

	if (unlikely(slot >= slots - 1)) { /* the last one is shared */
		lose(LOSS_NO_SLOT);
		slot = slots - 1;
		serial = SERIAL_OVERFLOW;
		css = NULL;
	}
	*index = row * slots + slot;
	cell = bpf_map_lookup_elem(&cells, index);
	if (cell && unlikely(cell->serial != serial)) {
		empty_cell(cell, row, slot, serial);
		if (css)
			cell->cgroup = css->cgroup->kn->id;
	}
	return cell;
}

/* Gives a cgroup that no task may have run in a cell, so that user space can name it. */
static __always_inline void introduce(u32 row, struct cgroup_subsys_state *css)
{
	u32 slot = BPF_CORE_READ(css, id), index = row * slots + slot;
	u64 serial = BPF_CORE_READ(css, serial_nr);
	struct cell *cell;

	if (!serial || slot >= slots - 1) /* an autogroup, or the shared one */
		return;
	cell = bpf_map_lookup_elem(&cells, &index);
	if (cell && cell->serial != serial) {
		empty_cell(cell, row, slot, serial);
		cell->cgroup = BPF_CORE_READ(css, cgroup, kn, id);
	}
}

/* Apart, so that the verifier does not walk what follows once more. */
__noinline int lose_cell(void)
{
	lose(LOSS_NO_CELL);
	return 0;
}

/* The cell `serial` has in this row, if it has one. */
static __always_inline struct cell *find_cell(u32 row, u64 serial, u32 slot)
{
	bool is_shared = slot >= slots - 1;
	u32 index = row * slots + (is_shared ? slots - 1 : slot);
	struct cell *cell = bpf_map_lookup_elem(&cells, &index);

	if (cell && cell->serial == (is_shared ? SERIAL_OVERFLOW : serial))
		return cell;
	lose_cell();
	return NULL;
}

#endif
