/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which cgroup had a CPU from when to when: what the history and run time are made of. */
#ifndef EARSHOT_SLICES_H
#define EARSHOT_SLICES_H

#include "cells.bpf.h"
#include "walk.bpf.h"

/* A slice is cut after this time even if no other cgroup ran, so that epochs stay short. */
#define SLICE_SPAN FINE_SPAN

/* `prev` leaves the CPU: the cgroup that ran since the last switch goes into the history, finished slices
 * into its run time. */
static __always_inline void end_slice(struct cpu *cpu, u32 cpu_id, u64 now, u64 stolen_now, u64 serial,
				      u32 slot)
{
	struct occupant *newest = slice(cpu, cpu->head), *before = slice(cpu, cpu->head - 1);

	if (newest->serial != serial || !newest->end || now - before->end > SLICE_SPAN) {
		if (newest->serial != SERIAL_IDLE && before->end) {
			struct cell *cell = find_cell(cpu_id, newest->serial, newest->slot);
			u64 span = newest->end - before->end, stolen = newest->stolen - before->stolen;

			if (cell)
				cell->run += span > stolen ? span - stolen : 0;
		}
		fold_slice(cpu_id);
		newest = slice(cpu, cpu->head + 1);
		newest->serial = serial;
		newest->slot = slot;
		newest->class = class_of(serial);
		newest->end = now;
		newest->stolen = stolen_now;
		keep_order();
		cpu->head++; /* others may look now */
	} else {
		newest->end = now;
		newest->stolen = stolen_now;
	}
	keep_order(); /* before `running` says what follows */
}

#endif
