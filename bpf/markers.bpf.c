// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Lists the markers. A marker is a BPF map without users: its name is its content. Each queue map of
 * the kernel is written out, from any process in any namespace; only a process with CAP_BPF outside of any
 * user namespace can make one, also where other types are free for all users.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "markers.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define QUEUE_MAP 22 /* BPF_MAP_TYPE_QUEUE, user space ABI */

struct seq_file;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct bpf_map___marker {
	enum bpf_map_type map_type;
	u32 id;
	char name[16];
};

struct bpf_iter_meta___marker {
	struct seq_file *seq;
};

struct bpf_iter__bpf_map {
	struct bpf_iter_meta___marker *meta;
	struct bpf_map___marker *map;
};

#pragma clang attribute pop

/* Only there for its type, which user space looks up. */
const struct marker_record *const volatile abi = NULL;

SEC("iter/bpf_map")
int markers(struct bpf_iter__bpf_map *context)
{
	struct bpf_map___marker *map = context->map;
	struct marker_record record = {};

	if (!map || (u32)map->map_type != QUEUE_MAP)
		return 0;
	record.map = map->id;
	bpf_probe_read_kernel(record.name, sizeof(record.name), map->name);
	bpf_seq_write((void *)context->meta->seq, &record, sizeof(record));
	return 0;
}
