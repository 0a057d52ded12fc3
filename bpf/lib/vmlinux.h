/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The few kernel types the programs read, and of each only the members they read. Offsets and sizes come from
 * the running kernel's BTF when the object is loaded (CO-RE); nothing here is a copy of a kernel layout.
 * Scheduler fields are declared unsigned: libbpf adjusts the width of a load only for those (`on_rq` shrank
 * to one byte in 7.2).
 */
#ifndef EARSHOT_VMLINUX_H
#define EARSHOT_VMLINUX_H

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __s32 s32;
typedef __u64 u64;
typedef __s64 s64;
typedef _Bool bool;

#define true 1
#define false 0
#define NULL ((void *)0)

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_RINGBUF = 27,
};

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_EXIST = 2,
	BPF_F_MMAPABLE = 1U << 10,
	BPF_RB_NO_WAKEUP = 1U << 0,
	BPF_RB_AVAIL_DATA = 0,
};

enum cgroup_subsys_id {
	cpu_cgrp_id = 1, /* relocated */
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	u64 id;
};

struct cgroup_subsys_state;
struct cgroup_root;

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
	struct cgroup_subsys_state *subsys[16];
};

struct cgroup_root {
	struct cgroup cgrp;
};

struct xa_node {
	u8 shift;
	void *slots[64]; /* or 16 */
};

struct xarray {
	void *xa_head;
};

struct idr {
	struct xarray idr_rt;
};

struct cgroup_subsys {
	struct idr css_idr;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys *ss;
	u32 id;
	u64 serial_nr;
};

struct css_set {
	struct cgroup_subsys_state *subsys[16];
};

struct list_head {
	struct list_head *next;
	struct list_head *prev;
};

struct rq {
	struct list_head cfs_tasks;
	u64 clock;
	u64 clock_task;
	u64 clock_pelt;
	u64 prev_irq_time;
	u64 prev_steal_time_rq;
	u32 cpu;
};

struct task_group {
	struct cgroup_subsys_state css;
};

struct cfs_rq {
	struct rq *rq;
	struct task_group *tg;
	u64 throttled_clock_self;
	u64 throttled_clock_self_time;
	u64 throttled_clock_pelt;
	u64 throttled_clock_pelt_time;
	u64 throttled_clock_task;
	u64 throttled_clock_task_time;
	u32 runtime_enabled;
	u32 throttle_count;
};

struct sched_entity {
	struct list_head group_node;
	struct sched_entity *parent;
	struct cfs_rq *cfs_rq;
	u8 sched_delayed;
};

struct sched_info {
	unsigned long pcount;
	u64 run_delay;
	u64 last_arrival;
	u64 last_queued;
};

struct cpumask {
	unsigned long bits[1]; /* as many as the kernel was built for */
};

struct scx_dispatch_q {
	u64 id;
};

struct sched_ext_entity {
	struct scx_dispatch_q *dsq;
	u32 flags;
};

struct task_struct {
	u32 __state;
	u32 flags;
	u32 on_cpu;
	u32 on_rq;
	int prio;
	u32 pid;
	u32 tgid;
	bool throttled;
	char comm[16];
	struct sched_entity se;
	struct task_group *sched_task_group;
	struct sched_info sched_info;
	struct css_set *cgroups;
	struct cpumask *cpus_ptr;
	struct sched_ext_entity scx;
	u64 core_cookie;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

#endif
