/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What does it cost to have a hook at all? The hooks of all variants, under the same names, with nothing in
 * them. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

SEC("tp_btf/sched_switch")
int on_switch(void *context)
{
	return 0;
}

SEC("tp_btf/sched_wakeup")
int on_wakeup(void *context)
{
	return 0;
}

SEC("tp_btf/sched_wakeup_new")
int on_wakeup_new(void *context)
{
	return 0;
}

SEC("tp_btf/sched_migrate_task")
int on_migrate(void *context)
{
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
