/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The cpu controller's part of a cgroup: serial number and css id lie in it. */
#ifndef EARSHOT_CSS_H
#define EARSHOT_CSS_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>

static __always_inline struct cgroup_subsys_state *css_of(struct task_struct *p)
{
	return p->cgroups->subsys[bpf_core_enum_value(enum cgroup_subsys_id, cpu_cgrp_id)];
}

static __always_inline struct cgroup_subsys_state *css_in(struct cgroup *cgroup)
{
	return cgroup->subsys[bpf_core_enum_value(enum cgroup_subsys_id, cpu_cgrp_id)];
}

#endif
