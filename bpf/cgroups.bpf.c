// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which cgroups exist, and how do they change? Every change of a cgroup's directory goes to user space with
 * its path; an iterator gives the serial number of each cgroup that exists, also of those made before.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "cgroups.h"
#include "css.bpf.h"
#include "losses.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Only there for its type, which user space looks up. */
const struct cgroups_abi *const volatile abi = NULL;

/* Bound: 460 changes between two readings. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} changes SEC(".maps");

/* `path` is below the hierarchy's root. */
static __always_inline int send(struct cgroup *cgroup, const char *path, u32 change)
{
	struct cgroup_subsys_state *css = css_in(cgroup);
	struct cgroup_record *r;

	if (!css && !css_in(&cgroup->root->cgrp)) /* a hierarchy without the cpu controller */
		return 0;
	r = bpf_ringbuf_reserve(&changes, sizeof(*r), 0);
	if (!r) {
		lose(LOSS_RING_FULL);
		return 0;
	}
	r->type = change;
	r->bytes = sizeof(*r);
	r->monotonic = bpf_ktime_get_ns();
	r->serial = css ? css->serial_nr : 0;
	r->cgroup = cgroup->kn->id;
	if (bpf_probe_read_kernel_str(r->path, sizeof(r->path), path) == sizeof(r->path))
		lose(LOSS_PATH_TRUNCATED);
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(on_mkdir, struct cgroup *cgroup, const char *path)
{
	return send(cgroup, path, CGROUP_MKDIR);
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(on_rmdir, struct cgroup *cgroup, const char *path)
{
	return send(cgroup, path, CGROUP_RMDIR);
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(on_attach, struct cgroup *cgroup, const char *path, struct task_struct *task, bool group)
{
	return send(cgroup, path, CGROUP_ATTACH);
}

/* What is below it has another path too, and no event of its own. Version 1 alone can rename. */
SEC("tp_btf/cgroup_rename")
int BPF_PROG(on_rename, struct cgroup *cgroup, const char *path)
{
	return send(cgroup, path, CGROUP_RENAME);
}

/*
 * All css of the cpu controller, by their ids. The kernel's own iterator of cgroups came with 6.1 and knows
 * version 2 alone; every task leads to the radix tree in which the kernel finds a css by its id, and no css
 * in it goes away while a program runs (RCU). One node of the tree for each task that the iterator visits, so
 * that what is done at once is bounded and fits into its buffer; a run that has too few tasks is followed by
 * another.
 */
#define NODES_PER_RUN  256
#define NODES_SKIPPED  16 /* at once, if they do not exist */
#define LEVELS	       8
#define FIRST_POINTER  4096 /* lower entries are marks of the tree */
#define ENTRY_TAG_MASK 3
#define ENTRY_TAG_NODE 2
#define SLOTS_AT_MOST  64

static u32 next_id;
static bool is_complete = true;

/* Of the nodes that hold css, the one with `id`, or NULL; `is_beyond`: no node has an id this high. */
static __always_inline struct xa_node *find_node(struct cgroup_subsys *subsystem, u32 id, u32 width,
						 bool *is_beyond)
{
	unsigned long entry = (unsigned long)BPF_CORE_READ(subsystem, css_idr.idr_rt.xa_head);

	for (int level = 0; level < LEVELS; level++) {
		struct xa_node *node = (struct xa_node *)(entry - ENTRY_TAG_NODE);
		u8 shift;

		if ((entry & ENTRY_TAG_MASK) != ENTRY_TAG_NODE || entry < FIRST_POINTER) {
			*is_beyond = !level;
			return NULL;
		}
		shift = BPF_CORE_READ(node, shift) & 31;
		if (!level && id >> shift >= width) {
			*is_beyond = true;
			return NULL;
		}
		if (!shift)
			return node;
		bpf_probe_read_kernel(&entry, sizeof(entry), &node->slots[(id >> shift) & (width - 1)]);
	}
	return NULL;
}

SEC("iter/task")
int serials(struct bpf_iter__task *context)
{
	u32 width = bpf_core_field_size(struct xa_node, slots) / sizeof(void *);
	struct task_struct *task = context->task;
	struct serial_record record = {};
	struct xa_node *node = NULL;
	bool is_beyond = false;
	u64 turn;

	if (!task)
		return 0;
	turn = context->meta->seq_num;
	if (!turn && is_complete) {
		next_id = 0;
		is_complete = false;
	}
	if (is_complete || turn >= NODES_PER_RUN)
		return 0;
	for (int i = 0; i < NODES_SKIPPED; i++) {
		node = find_node(css_of(task)->ss, next_id, width, &is_beyond);
		if (node || is_beyond)
			break;
		next_id += width;
	}
	if (is_beyond) {
		if (!bpf_seq_write((void *)context->meta->seq, &record, sizeof(record)))
			is_complete = true;
		return 0;
	}
	if (!node)
		return 0;
	for (u32 i = 0; i < SLOTS_AT_MOST; i++) {
		struct cgroup_subsys_state *css = NULL;

		if (i >= width)
			break;
		bpf_probe_read_kernel(&css, sizeof(css), &node->slots[i]);
		if ((unsigned long)css < FIRST_POINTER || (unsigned long)css & ENTRY_TAG_MASK)
			continue;
		record.serial = BPF_CORE_READ(css, serial_nr);
		record.cgroup = BPF_CORE_READ(css, cgroup, kn, id);
		if (bpf_seq_write((void *)context->meta->seq, &record, sizeof(record)))
			return 0; /* no room: the kernel asks again with the same task */
	}
	next_id += width;
	return 0;
}
