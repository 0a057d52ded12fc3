/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Everything that differs between kernels 5.10 and 7.2. Features are probed in BTF when the object is loaded.
 */
#ifndef EARSHOT_COMPAT_H
#define EARSHOT_COMPAT_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "barrier.bpf.h"

#define PF_IDLE		     0x00000002
#define PF_KTHREAD	     0x00200000
#define TASK_DEAD	     0x00000080
#define TASK_ON_RQ_QUEUED    1
#define TASK_ON_RQ_MIGRATING 2
#define MAX_RT_PRIO	     100

/* Keeps rare code out of the way of the instruction cache: half of what a hook costs on a busy node is cache
 * misses. */
#define likely(condition)   __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* 5.14 renamed `state` (2f064a59a11f). */
struct task_struct___state {
	unsigned long state;
} __attribute__((preserve_access_index));

static __always_inline u64 task_state(struct task_struct *p)
{
	if (bpf_core_field_exists(p->__state))
		return p->__state;
	return ((struct task_struct___state *)p)->state;
}

/* 6.12 leaves some sleepers on the queue until they are picked (152e11f6df29). */
static __always_inline bool keeps_sleepers(void)
{
	return bpf_core_field_exists(struct sched_entity, sched_delayed);
}

/* Queued, yet not waiting. */
static __always_inline bool is_delayed(struct task_struct *p)
{
	return keeps_sleepers() ? p->se.sched_delayed : false;
}

/* 6.18 throttles task by task, on return to user space (e1fad12dcb66); before, a whole cfs_rq at once. */
static __always_inline bool throttles_tasks(void)
{
	return bpf_core_field_exists(struct task_struct, throttled);
}

/* Real-time and deadline tasks, and those that have inherited such a priority: no quota of a cgroup stops
 * them.
 */
static __always_inline bool is_real_time(int prio)
{
	return prio < MAX_RT_PRIO;
}

/* The group has a quota of its own. An int once, a bit since 6.18. */
static __always_inline bool has_quota(struct cfs_rq *cfs_rq)
{
	return BPF_CORE_READ_BITFIELD_PROBED(cfs_rq, runtime_enabled);
}

/*
 * Time this group could not run on this CPU because of its quota or one above, at `clock`: grows by 1 ns a ns
 * while it cannot, stands still otherwise. Wall time since 6.6 (677ea015f231); before, the PELT clock, which
 * is slower than wall time on a CPU below its full frequency. Another CPU's may end while it is read: then
 * its time so far would count twice, as past and as going on.
 */
static __always_inline u64 throttled_time(struct cfs_rq *cfs_rq, u64 clock)
{
	if (bpf_core_field_exists(cfs_rq->throttled_clock_self_time)) {
		u64 since = BPF_CORE_READ(cfs_rq, throttled_clock_self), time;

		keep_order();
		time = BPF_CORE_READ(cfs_rq, throttled_clock_self_time);
		keep_order();
		if (since && BPF_CORE_READ(cfs_rq, throttled_clock_self) != since)
			return BPF_CORE_READ(cfs_rq, throttled_clock_self_time);
		return time + (since && clock > since ? clock - since : 0);
	}
	if (bpf_core_field_exists(cfs_rq->throttled_clock_pelt_time)) {
		u64 running = 0, time;

		if (BPF_CORE_READ(cfs_rq, throttle_count))
			running = BPF_CORE_READ(cfs_rq, rq, clock_pelt) -
				  BPF_CORE_READ(cfs_rq, throttled_clock_pelt);
		keep_order();
		time = BPF_CORE_READ(cfs_rq, throttled_clock_pelt_time);
		keep_order();
		if (running && !BPF_CORE_READ(cfs_rq, throttle_count))
			return BPF_CORE_READ(cfs_rq, throttled_clock_pelt_time);
		return time + running;
	}
	if (bpf_core_field_exists(cfs_rq->throttled_clock_task_time)) { /* the same before 64eaf50731ac */
		u64 running = 0, time;

		if (BPF_CORE_READ(cfs_rq, throttle_count))
			running = BPF_CORE_READ(cfs_rq, rq, clock_task) -
				  BPF_CORE_READ(cfs_rq, throttled_clock_task);
		keep_order();
		time = BPF_CORE_READ(cfs_rq, throttled_clock_task_time);
		keep_order();
		if (running && !BPF_CORE_READ(cfs_rq, throttle_count))
			return BPF_CORE_READ(cfs_rq, throttled_clock_task_time);
		return time + running;
	}
	return 0;
}

/* Whether throttled_time() is or will become other than 0; from a pointer the verifier knows, so at no cost.
 */
static __always_inline bool was_throttled(struct cfs_rq *cfs_rq)
{
	if (cfs_rq->throttle_count)
		return true;
	if (bpf_core_field_exists(cfs_rq->throttled_clock_self_time))
		return cfs_rq->throttled_clock_self_time;
	if (bpf_core_field_exists(cfs_rq->throttled_clock_pelt_time))
		return cfs_rq->throttled_clock_pelt_time;
	if (bpf_core_field_exists(cfs_rq->throttled_clock_task_time))
		return cfs_rq->throttled_clock_task_time;
	return false;
}

/* When the throttling that is going on began, or 0 where the kernel does not say. */
static __always_inline u64 throttled_since(struct cfs_rq *cfs_rq)
{
	if (bpf_core_field_exists(cfs_rq->throttled_clock_self))
		return BPF_CORE_READ(cfs_rq, throttled_clock_self);
	return 0;
}

/* The kernel says when throttling began, if anything was queued there then. */
static __always_inline bool knows_beginning(void)
{
	return bpf_core_field_exists(struct cfs_rq, throttled_clock_self);
}

enum scx_task_state___number {
	SCX_TASK_ENABLED___number = 3,
};

enum scx_ent_flags___bits {
	SCX_TASK_STATE_MASK___bits = 0x300,
	SCX_TASK_ENABLED___bits = 0x400,
};

#define SCX_TASK_STATE_SHIFT 8
#define SCX_DSQ_LOCAL	     0x8000000000000002ULL

/* A BPF scheduler chooses its CPUs (sched_ext, 6.12: f0e1a0643a59). Since 7.x the state is one of the flags.
 */
static __always_inline bool is_scheduled_by_bpf(struct task_struct *p)
{
	u32 enabled;

	if (!bpf_core_field_exists(p->scx.flags))
		return false;
	if (bpf_core_enum_value_exists(enum scx_ent_flags___bits, SCX_TASK_ENABLED___bits))
		enabled = bpf_core_enum_value(enum scx_ent_flags___bits, SCX_TASK_ENABLED___bits);
	else
		enabled = bpf_core_enum_value(enum scx_task_state___number, SCX_TASK_ENABLED___number)
			  << SCX_TASK_STATE_SHIFT;
	return (p->scx.flags & bpf_core_enum_value(enum scx_ent_flags___bits, SCX_TASK_STATE_MASK___bits)) ==
	       enabled;
}

/* It waits for the CPU that takes it from a queue they share, or that its BPF scheduler keeps. */
static __always_inline bool waits_for_any_cpu(struct task_struct *p)
{
	struct scx_dispatch_q *dsq;

	if (!is_scheduled_by_bpf(p))
		return false;
	dsq = p->scx.dsq;
	return !dsq || dsq->id != SCX_DSQ_LOCAL;
}

/* May only share a core with tasks of the same cookie (core scheduling, 5.14: 8a311c740b53). */
static __always_inline bool has_core_cookie(struct task_struct *p)
{
	return bpf_core_field_exists(p->core_cookie) && p->core_cookie;
}

/* Interrupt time inside `rq->clock - rq->clock_task`; the rest is the hypervisor's. */
static __always_inline u64 irq_time(struct rq *rq)
{
	if (!bpf_core_field_exists(rq->prev_irq_time))
		return 0;
	return rq->prev_irq_time;
}

#endif
