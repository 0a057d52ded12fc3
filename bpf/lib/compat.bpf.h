/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Everything that differs between kernels 5.10 and 7.2. Features are probed in BTF when the object is loaded.
 */
#ifndef EARSHOT_COMPAT_H
#define EARSHOT_COMPAT_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define PF_IDLE		     0x00000002
#define PF_KTHREAD	     0x00200000
#define TASK_DEAD	     0x00000080
#define TASK_ON_RQ_QUEUED    1
#define TASK_ON_RQ_MIGRATING 2

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

/* 6.12 leaves some sleepers on the queue until they are picked (152e11f6df29): queued, yet not waiting. */
static __always_inline bool is_delayed(struct task_struct *p)
{
	if (bpf_core_field_exists(p->se.sched_delayed))
		return p->se.sched_delayed;
	return false;
}

/* 6.18 throttles task by task, on return to user space (e1fad12dcb66); before, a whole cfs_rq at once. */
static __always_inline bool throttles_tasks(void)
{
	return bpf_core_field_exists(struct task_struct, throttled);
}

/* The group has a quota of its own. An int once, a bit since 6.18. */
static __always_inline bool has_quota(struct cfs_rq *cfs_rq)
{
	return BPF_CORE_READ_BITFIELD_PROBED(cfs_rq, runtime_enabled);
}

/*
 * Time this group could not run on this CPU because of its quota or one above, at `clock`: grows by 1 ns a ns
 * while it cannot, stands still otherwise. Wall time since 6.6 (677ea015f231); before, the PELT clock, which
 * is slower than wall time on a CPU below its full frequency.
 */
static __always_inline u64 throttled_time(struct cfs_rq *cfs_rq, u64 clock)
{
	if (bpf_core_field_exists(cfs_rq->throttled_clock_self_time)) {
		u64 since = BPF_CORE_READ(cfs_rq, throttled_clock_self);

		return BPF_CORE_READ(cfs_rq, throttled_clock_self_time) +
		       (since && clock > since ? clock - since : 0);
	}
	if (bpf_core_field_exists(cfs_rq->throttled_clock_pelt_time)) {
		u64 running = 0;

		if (BPF_CORE_READ(cfs_rq, throttle_count))
			running = BPF_CORE_READ(cfs_rq, rq, clock_pelt) -
				  BPF_CORE_READ(cfs_rq, throttled_clock_pelt);
		return BPF_CORE_READ(cfs_rq, throttled_clock_pelt_time) + running;
	}
	if (bpf_core_field_exists(cfs_rq->throttled_clock_task_time)) { /* the same before 64eaf50731ac */
		u64 running = 0;

		if (BPF_CORE_READ(cfs_rq, throttle_count))
			running = BPF_CORE_READ(cfs_rq, rq, clock_task) -
				  BPF_CORE_READ(cfs_rq, throttled_clock_task);
		return BPF_CORE_READ(cfs_rq, throttled_clock_task_time) + running;
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

/* Interrupt time inside `rq->clock - rq->clock_task`; the rest is the hypervisor's. */
static __always_inline u64 irq_time(struct rq *rq)
{
	if (!bpf_core_field_exists(rq->prev_irq_time))
		return 0;
	return rq->prev_irq_time;
}

#endif
