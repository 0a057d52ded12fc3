/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The technique Netflix published for noisy neighbours: a time stamp per pid in a hash when the task is
 * woken, looked up and deleted when it gets the CPU, the cgroup ids of both tasks read under an RCU lock, and
 * an event on a ring buffer with the default wakeups, for each switch or at most one per cgroup and CPU in
 * `event_gap`.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* ns; 0: an event for each switch. */
const volatile u64 event_gap = 0;

#define PERCPU_HASH 5 /* BPF_MAP_TYPE_PERCPU_HASH */

void bpf_rcu_read_lock(void) __ksym;
void bpf_rcu_read_unlock(void) __ksym;

/* The member this technique reads besides those of vmlinux.h; the kernel's struct is css_set. */
struct css_set___default {
	struct cgroup *dfl_cgrp;
} __attribute__((preserve_access_index));

struct switch_event {
	u64 previous_cgroup;
	u64 cgroup;
	u64 wait;
	u64 at;
};

/* Bound: tasks that are runnable at once. An entry dies when its task runs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, u32);
	__type(value, u64);
} runnable_since SEC(".maps");

/* Bound: cgroups. Entries stay. */
struct {
	__uint(type, PERCPU_HASH);
	__uint(max_entries, 10240);
	__type(key, u64);
	__type(value, u64);
} last_event SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} netflix_events SEC(".maps");

u64 drops;

static __always_inline int becomes_runnable(struct task_struct *task)
{
	u32 pid = task->pid;
	u64 now = bpf_ktime_get_ns();

	bpf_map_update_elem(&runnable_since, &pid, &now, BPF_NOEXIST);
	return 0;
}

static __always_inline u64 cgroup_of(struct task_struct *task)
{
	bpf_rcu_read_lock();
	u64 id = ((struct css_set___default *)task->cgroups)->dfl_cgrp->kn->id;
	bpf_rcu_read_unlock();
	return id;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_wakeup, struct task_struct *task)
{
	return becomes_runnable(task);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(on_wakeup_new, struct task_struct *task)
{
	return becomes_runnable(task);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *previous, struct task_struct *next)
{
	u32 pid = next->pid;
	u64 *since = bpf_map_lookup_elem(&runnable_since, &pid);
	if (!since)
		return 0;
	u64 now = bpf_ktime_get_ns();
	u64 wait = now - *since;
	bpf_map_delete_elem(&runnable_since, &pid);

	u64 previous_cgroup = cgroup_of(previous);
	u64 cgroup = cgroup_of(next);
	if (event_gap) {
		u64 *last = bpf_map_lookup_elem(&last_event, &cgroup);
		if (last && now - *last < event_gap)
			return 0;
	}
	struct switch_event *event = bpf_ringbuf_reserve(&netflix_events, sizeof(*event), 0);
	if (!event) {
		drops++;
		return 0;
	}
	event->previous_cgroup = previous_cgroup;
	event->cgroup = cgroup;
	event->wait = wait;
	event->at = now;
	bpf_ringbuf_submit(event, 0);
	if (event_gap)
		bpf_map_update_elem(&last_event, &cgroup, &now, BPF_ANY);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
