#ifndef EARSHOT_LINK_H
#define EARSHOT_LINK_H

#include <bpf/libbpf.h>

#include "target.h"

/* One program at one target. The object owns it. */
struct link {
	struct link *next;
	const struct bpf_program *program;
	/* Unique in the process. */
	uint32_t token;
	/* What holds it in the kernel: a link that libbpf has no call for, or a socket; otherwise -1. */
	int fd, socket;
	/* Of perf events there is one a CPU. */
	size_t count;
	struct bpf_link *parts[];
};

struct link *link_new(const struct bpf_program *program, size_t parts);
void link_free(struct link *link);

/* NULL and a negative errno for what is refused. */
struct link *attach_to(struct bpf_program *program, const struct target *target, int *error);

#endif
