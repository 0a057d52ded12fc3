#ifndef EARSHOT_ITER_TARGET_H
#define EARSHOT_ITER_TARGET_H

#include <limits.h>
#include <linux/bpf.h>

#include "object.h"

/* IterTarget of native.ts. */
struct iter_target {
	struct object *object;
	bool is_given;
	char kind[NAME_SIZE];
	union bpf_iter_link_info info;
	/* Open until the link is made, or -1. */
	int cgroup_fd;
};

/* Undefined is everything. The caller closes it, also after a failure. */
bool iter_target_argument(struct call *call, napi_value value, struct object *object,
			  struct iter_target *target);
void iter_target_close(struct iter_target *target);

#endif
