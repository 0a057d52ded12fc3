/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Waits whose end no tracepoint reported. */
#ifndef EARSHOT_MISSED_H
#define EARSHOT_MISSED_H

#include "cuts.bpf.h"
#include "progress.bpf.h"
#include "slices.bpf.h"

/*
 * The tracepoint was not called when walk.subject got this CPU: no stock kernel leaves a switch out (5.10 to
 * 7.3), one of a virtual machine does. The stamps say when that was and how long the task has waited, so that
 * its wait can be charged now: 1 if there is one.
 */
__noinline int recover_missed_switch(u32 row, u32 slot)
{
	struct cpu *here = cpu_at(row);
	struct task_struct *task;
	struct task_entry *entry;
	struct occupant *newest;
	struct cell *cell;
	u64 arrival, run_delay, serial;
	u32 pid, index;
	s64 wait;

	if (!here)
		return 0;
	task = (struct task_struct *)here->walk.subject;
	serial = here->walk.victim;
	pid = BPF_CORE_READ(task, pid);
	arrival = BPF_CORE_READ(task, sched_info.last_arrival);
	run_delay = BPF_CORE_READ(task, sched_info.run_delay);
	newest = slice(here, here->head);
	if (arrival > newest->end && arrival <= here->walk.to)
		end_slice(here, row, arrival, newest->stolen, here->running, here->running_slot);
	entry = find_task(pid);
	cell = find_cell(row, serial, slot);
	if (!entry || !cell) {
		lose(LOSS_SWITCH_LOST);
		return 0;
	}
	wait = run_delay - entry->run_delay;
	if (wait < 0 || arrival < (u64)wait || arrival > here->walk.to) {
		lose(LOSS_SWITCH_LOST);
		return 0;
	}
	entry->run_delay = run_delay;
	index = row * slots + (slot >= slots - 1 ? slots - 1 : slot);
	begin_walk(here, row, index, serial, arrival - wait, arrival);
	here->walk.wait = wait;
	if (entry->remembered.any) {
		here->walk.remembered = entry->remembered;
		entry->remembered.any = 0;
		if (!take_open_wait(row))
			return 0;
	}
	count_wait(slot, here->walk.wait);
	cell->wait += here->walk.to - here->walk.from;
	return 1;
}

#endif
