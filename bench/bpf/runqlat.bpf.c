/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The technique of the `runqlat` tools: a time stamp per pid in a hash when the task becomes runnable, looked
 * up and deleted when it gets the CPU, the difference counted in a histogram that is itself found in a hash.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define TASK_RUNNING	0
#define HISTOGRAM_SLOTS 26
#define WHOLE_MACHINE	0
#define NANOS_PER_MICRO 1000

struct latencies {
	u32 slot[HISTOGRAM_SLOTS];
};

/* Bound: tasks that are runnable at once. An entry dies when its task runs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, u32);
	__type(value, u64);
} runnable_since SEC(".maps");

/* Bound: one. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, u32);
	__type(value, struct latencies);
} histograms SEC(".maps");

static const struct latencies no_latencies;
u64 drops;

static __always_inline u32 log2_floor(u64 value)
{
	u32 result = 0;

	for (u32 step = 32; step; step /= 2) {
		if (value >> step) {
			value >>= step;
			result += step;
		}
	}
	return result;
}

static __always_inline int becomes_runnable(u32 pid)
{
	u64 now = bpf_ktime_get_ns();

	if (pid && bpf_map_update_elem(&runnable_since, &pid, &now, BPF_ANY))
		drops++;
	return 0;
}

static __always_inline void count(u64 wait)
{
	u32 key = WHOLE_MACHINE;
	struct latencies *latencies = bpf_map_lookup_elem(&histograms, &key);

	if (!latencies) {
		bpf_map_update_elem(&histograms, &key, &no_latencies, BPF_NOEXIST);
		latencies = bpf_map_lookup_elem(&histograms, &key);
		if (!latencies)
			return;
	}
	u32 slot = log2_floor(wait / NANOS_PER_MICRO);
	if (slot >= HISTOGRAM_SLOTS)
		slot = HISTOGRAM_SLOTS - 1;
	__sync_fetch_and_add(&latencies->slot[slot], 1);
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_wakeup, struct task_struct *task)
{
	return becomes_runnable(task->pid);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(on_wakeup_new, struct task_struct *task)
{
	return becomes_runnable(task->pid);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *previous, struct task_struct *next)
{
	if (previous->__state == TASK_RUNNING)
		becomes_runnable(previous->pid);

	u32 pid = next->pid;
	u64 *since = bpf_map_lookup_elem(&runnable_since, &pid);
	if (!since)
		return 0;
	s64 wait = bpf_ktime_get_ns() - *since;
	if (wait >= 0)
		count(wait);
	bpf_map_delete_elem(&runnable_since, &pid);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
