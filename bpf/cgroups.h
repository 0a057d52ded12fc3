/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What `cgroups.bpf.c` writes for user space. */
#ifndef EARSHOT_CGROUPS_H
#define EARSHOT_CGROUPS_H

enum cgroup_change {
	CGROUP_MKDIR = 1,
	CGROUP_RMDIR,
	CGROUP_ATTACH,
	CGROUP_RENAME,
};

#define CGROUP_PATH_MAX 512

/* On the ring buffer. */
struct cgroup_record {
	unsigned int type; /* enum cgroup_change */
	unsigned int bytes;
	unsigned long long monotonic; /* bpf_ktime_get_ns() */
	unsigned long long serial;    /* of its css; 0: it has no cpu controller of its own */
	unsigned long long cgroup;    /* kernfs id */
	char path[CGROUP_PATH_MAX];
};

/* From the iterator. */
struct serial_record {
	unsigned long long serial; /* 0: this was the last one */
	unsigned long long cgroup;
};

enum loss_reason {
	LOSS_RING_FULL,	     /* a change not reported */
	LOSS_PATH_TRUNCATED, /* a path longer than CGROUP_PATH_MAX */
	LOSS_COUNT,
};

/* Names every type above that no map mentions, so that it is in the object's BTF. */
struct cgroups_abi {
	struct cgroup_record change;
	struct serial_record serial;
	enum cgroup_change type;
};

#endif
