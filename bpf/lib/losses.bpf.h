/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Losses by reason. A source that includes this has defined `enum loss_reason` before: `LOSS_…`, the last one
 * LOSS_COUNT. User space has their totals by name, without the prefix and in lower case.
 */
#ifndef EARSHOT_LOSSES_H
#define EARSHOT_LOSSES_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct losses {
	u64 by_reason[LOSS_COUNT];
};

/* Bound: one entry. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct losses);
} losses SEC(".maps");

/* Only there for its type, which user space looks up. */
const enum loss_reason *const volatile loss_reasons = NULL;

/* Not on the stack, where a key of its own would keep the verifier from joining the states after a loss. */
static const u32 only_losses = 0;

/* Atomic, as one program may interrupt another one of its CPU. */
static __always_inline void lose(enum loss_reason reason)
{
	struct losses *here = bpf_map_lookup_elem(&losses, &only_losses);

	if (here)
		__sync_fetch_and_add(&here->by_reason[reason], 1);
}

#endif
