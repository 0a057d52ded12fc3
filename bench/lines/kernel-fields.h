/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * On which cache line of its struct the kernel keeps what the programs read: Linux 6.18 on x86-64, by its
 * BTF. And whether __schedule() itself touches that line in the same switch, so that it costs the programs
 * nothing.
 */
#ifndef EARSHOT_KERNEL_FIELDS_H
#define EARSHOT_KERNEL_FIELDS_H

#include "lines.h"

#define FIELD(in, at, of, member, line, is_touched)                                                          \
	{                                                                                                    \
#of, #member, offsetof(struct in, at member), sizeof(((struct of *)0)->member), 1,           \
			1UL << 32, line, is_touched                                                          \
	}
/* Of the struct each CPU has. */
#define FIELD_OF_CPU(array, of, member, line, is_touched)                                                    \
	{                                                                                                    \
#of, #member, offsetof(struct group, array[0].member), sizeof(((struct of *)0)->member),     \
			CPUS, sizeof(struct of), line, is_touched                                            \
	}
#define TASK(member, line, is_touched) FIELD(thread, task., task_struct, member, line, is_touched)

static const struct kernel_field task_fields[] = {
	TASK(__state, 0, true), /* __schedule() */
	TASK(flags, 0, true),
	TASK(on_cpu, 0, true), /* prepare_task() */
	TASK(on_rq, 1, true),  /* block_task(), prio with it */
	TASK(prio, 1, true),
	TASK(se.sched_delayed, 3, true), /* beside on_rq of the entity */
	TASK(se.parent, 4, true),	 /* set_next_task_fair() */
	TASK(se.cfs_rq, 4, true),
	TASK(sched_task_group, 11, true), /* beside sched_class */
	TASK(throttled, 11, true),
	TASK(cpus_ptr, 12, false),
	TASK(sched_info.pcount, 15, true), /* sched_info_arrive() */
	TASK(sched_info.run_delay, 15, true),
	TASK(sched_info.last_arrival, 16, true),
	TASK(sched_info.last_queued, 16, true),
	TASK(pid, 19, true), /* beside stack_canary: __switch_to_asm() */
	TASK(tgid, 19, true),
	TASK(comm, 27, false),
	TASK(cgroups, 37, false),
	TASK(core_cookie, 16, true), /* where core scheduling is built in */
	TASK(scx.dsq, 5, false),
	TASK(scx.flags, 6, false),
	{},
};

static const struct kernel_field rq_fields[] = {
	FIELD(rq, , rq, clock, 43, true),
	FIELD(rq, , rq, clock_task, 44, true),
	FIELD(rq, , rq, clock_pelt, 44, true),
	FIELD(rq, , rq, prev_irq_time, 56, true),
	FIELD(rq, , rq, prev_steal_time_rq, 56, true),
	FIELD(rq, , rq, cpu, 46, true),
	{},
};

static const struct kernel_field group_fields[] = {
	FIELD(group, tg., task_group, css.cgroup, 0, false),
	FIELD(group, tg., task_group, css.id, 1, false),
	FIELD(group, tg., task_group, css.serial_nr, 1, false),
	FIELD(group, cgroup., cgroup, kn, 4, false),
	FIELD(group, kn., kernfs_node, id, 1, false),
	FIELD(group, set., css_set, subsys, 0, false),
	FIELD_OF_CPU(cfs_rq, cfs_rq, rq, 4, true), /* rq_of() */
	FIELD_OF_CPU(cfs_rq, cfs_rq, tg, 5, false),
	FIELD_OF_CPU(cfs_rq, cfs_rq, runtime_enabled, 5, false),
	FIELD_OF_CPU(cfs_rq, cfs_rq, throttled_clock_self, 6, false),
	FIELD_OF_CPU(cfs_rq, cfs_rq, throttled_clock_self_time, 6, false),
	FIELD_OF_CPU(cfs_rq, cfs_rq, throttle_count, 6, true), /* pick_next_task_fair() */
	FIELD_OF_CPU(se, sched_entity, parent, 2, true),
	FIELD_OF_CPU(se, sched_entity, cfs_rq, 2, true),
	{},
};

#endif
