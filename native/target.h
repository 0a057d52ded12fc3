#ifndef EARSHOT_TARGET_H
#define EARSHOT_TARGET_H

#include <limits.h>

#include "call.h"

enum target_kind {
	TARGET_KPROBE,
	TARGET_TRACEPOINT,
	TARGET_RAW_TRACEPOINT,
	TARGET_UPROBE,
	TARGET_UPROBE_MULTI,
	TARGET_USDT,
	TARGET_PERF_EVENT,
	TARGET_CGROUP,
	TARGET_SOCKET,
	TARGET_TCX,
	TARGET_XDP,
	TARGET_KINDS,
	TARGET_NONE = TARGET_KINDS,
};

struct numbers {
	uint64_t *list;
	uint32_t count;
};

/* Target of native.ts. What was not given is 0 or empty, or -1 where 0 would mean something. */
struct target {
	enum target_kind kind;
	bool is_return, is_egress;
	char path[PATH_MAX];
	/* Of a function, symbol, tracepoint or marker; and its category or provider. */
	char name[NAME_SIZE], group[NAME_SIZE];
	uint64_t offset, cookie;
	struct numbers offsets, cookies, cpus;
	uint32_t fd, ifindex;
	int hz, pid;
};

/* Undefined has the kind TARGET_NONE. The caller frees it, also after a failure. */
bool target_argument(const struct call *call, napi_value value, struct target *target);
void target_free(struct target *target);

#endif
