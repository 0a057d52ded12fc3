#ifndef EARSHOT_FEATURE_H
#define EARSHOT_FEATURE_H

#include <bpf/libbpf.h>

/* Attach types that the headers of libbpf 1.1 do not name, by the numbers of the kernel's linux/bpf.h. */
enum {
	ATTACH_NETFILTER = 45,
	ATTACH_TCX_INGRESS = 46,
	ATTACH_TCX_EGRESS = 47,
	ATTACH_UPROBE_MULTI = 48,
	ATTACH_KPROBE_SESSION = 56,
	ATTACH_UPROBE_SESSION = 57,
};

/* What a kernel may lack. */
struct feature {
	const char *name;
	const char *minimum_kernel;
};

extern const struct feature feature_uprobe;
extern const struct feature feature_usdt;
extern const struct feature feature_iterator_of_cgroup;
extern const struct feature feature_iterator_of_task;

/* By type and attach type; NULL for one that is not in the table. */
const struct feature *feature_of_program(const struct bpf_program *program);

/* Negative errno for a name that is unknown. */
int program_type_by_name(const char *name);
int attach_type_by_name(const char *name);

#endif
