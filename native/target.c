#include "target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The kernel's MAX_UPROBE_MULTI_CNT. */
#define NUMBERS_LIMIT (1 << 20)

static const char *const kinds[TARGET_KINDS] = {
	[TARGET_KPROBE] = "kprobe",
	[TARGET_TRACEPOINT] = "tracepoint",
	[TARGET_RAW_TRACEPOINT] = "raw_tracepoint",
	[TARGET_UPROBE] = "uprobe",
	[TARGET_UPROBE_MULTI] = "uprobe_multi",
	[TARGET_USDT] = "usdt",
	[TARGET_PERF_EVENT] = "perf_event",
	[TARGET_CGROUP] = "cgroup",
	[TARGET_SOCKET] = "socket",
	[TARGET_TCX] = "tcx",
	[TARGET_XDP] = "xdp",
};

static bool read_text(const struct call *call, napi_value value, const char *what, void *place)
{
	return string_argument(call, value, what, place, NAME_SIZE);
}

static bool read_path(const struct call *call, napi_value value, const char *what, void *place)
{
	return string_argument(call, value, what, place, PATH_MAX);
}

static bool read_integer(const struct call *call, napi_value value, const char *what, void *place)
{
	return integer_argument(call, value, what, place);
}

static bool read_count(const struct call *call, napi_value value, const char *what, void *place)
{
	return count_argument(call, value, what, place);
}

/* A pid: of the calls below some take 0 for this process, some for all. And what is a count, but not none. */
static bool read_positive(const struct call *call, napi_value value, const char *what, void *place)
{
	uint32_t number;

	if (!count_argument(call, value, what, &number))
		return false;
	*(int *)place = (int)number;
	if (number > 0 && number <= INT_MAX)
		return true;
	call_fail(call, ERANGE, what, "must be an integer from 1 to 2147483647");
	return false;
}

static bool read_boolean(const struct call *call, napi_value value, const char *what, void *place)
{
	return boolean_argument(call, value, what, place);
}

static bool read_direction(const struct call *call, napi_value value, const char *what, void *place)
{
	char text[NAME_SIZE];
	bool *is_egress = place;

	if (!string_argument(call, value, what, text, sizeof(text)))
		return false;
	*is_egress = !strcmp(text, "egress");
	if (*is_egress || !strcmp(text, "ingress"))
		return true;
	call_fail(call, EINVAL, what, "must be `ingress` or `egress`");
	return false;
}

static bool read_numbers(const struct call *call, napi_value value, const char *what, void *place)
{
	struct numbers *numbers = place;
	bool is_array;
	uint32_t count;

	if (!call_ok(call, napi_is_array(call->env, value, &is_array)))
		return false;
	if (!is_array) {
		call_fail(call, EINVAL, what, "must be an array");
		return false;
	}
	if (!call_ok(call, napi_get_array_length(call->env, value, &count)))
		return false;
	if (!count || count > NUMBERS_LIMIT) {
		call_fail(call, ERANGE, what, "must have 1 to 1048576 elements");
		return false;
	}
	numbers->list = calloc(count, sizeof(*numbers->list));
	if (!numbers->list) {
		call_fail(call, ENOMEM, what, NULL);
		return false;
	}
	numbers->count = count;
	for (uint32_t i = 0; i < count; i++) {
		napi_value element;
		if (!call_ok(call, napi_get_element(call->env, value, i, &element)) ||
		    !integer_argument(call, element, what, &numbers->list[i]))
			return false;
	}
	return true;
}

#define OF(kind) (1U << TARGET_##kind)
#define PROBES	 (OF(UPROBE) | OF(UPROBE_MULTI) | OF(USDT))

/* By kinds that need it and kinds that may have it. */
static const struct property {
	const char *name;
	bool (*read)(const struct call *call, napi_value value, const char *what, void *place);
	size_t place;
	unsigned int needed, possible;
} properties[] = {
	{"binary", read_path, offsetof(struct target, path), PROBES, 0},
	{"path", read_path, offsetof(struct target, path), OF(CGROUP), 0},
	{"function", read_text, offsetof(struct target, name), OF(KPROBE), 0},
	{"symbol", read_text, offsetof(struct target, name), 0, OF(UPROBE)},
	{"name", read_text, offsetof(struct target, name), OF(TRACEPOINT) | OF(RAW_TRACEPOINT) | OF(USDT), 0},
	{"category", read_text, offsetof(struct target, group), OF(TRACEPOINT), 0},
	{"provider", read_text, offsetof(struct target, group), OF(USDT), 0},
	{"offset", read_integer, offsetof(struct target, offset), 0, OF(KPROBE) | OF(UPROBE)},
	{"offsets", read_numbers, offsetof(struct target, offsets), OF(UPROBE_MULTI), 0},
	{"cookie", read_integer, offsetof(struct target, cookie), 0, OF(UPROBE) | OF(USDT)},
	{"cookies", read_numbers, offsetof(struct target, cookies), 0, OF(UPROBE_MULTI)},
	{"isReturn", read_boolean, offsetof(struct target, is_return), 0,
	 OF(KPROBE) | OF(UPROBE) | OF(UPROBE_MULTI)},
	{"pid", read_positive, offsetof(struct target, pid), 0, PROBES | OF(PERF_EVENT)},
	{"cpus", read_numbers, offsetof(struct target, cpus), 0, OF(PERF_EVENT)},
	{"hz", read_positive, offsetof(struct target, hz), OF(PERF_EVENT), 0},
	{"fd", read_count, offsetof(struct target, fd), OF(SOCKET), 0},
	{"ifindex", read_count, offsetof(struct target, ifindex), OF(TCX) | OF(XDP), 0},
	{"direction", read_direction, offsetof(struct target, is_egress), OF(TCX), 0},
};

static bool kind_argument(const struct call *call, napi_value value, struct target *target)
{
	char text[NAME_SIZE];

	if (!string_argument(call, value, "kind", text, sizeof(text)))
		return false;
	for (target->kind = 0; target->kind < TARGET_KINDS; target->kind++)
		if (!strcmp(kinds[target->kind], text))
			return true;
	call_fail(call, EINVAL, text, "no such kind of target");
	return false;
}

static bool read_property(const struct call *call, const struct property *property, napi_value value,
			  struct target *target)
{
	unsigned int kind = 1U << target->kind;
	char reason[96];
	bool is_given;

	if (!call_ok(call, napi_has_named_property(call->env, value, property->name, &is_given)))
		return false;
	if (!is_given && !(property->needed & kind))
		return true;
	if (is_given && (property->needed | property->possible) & kind) {
		napi_value given;
		return call_ok(call, napi_get_named_property(call->env, value, property->name, &given)) &&
		       property->read(call, given, property->name, (char *)target + property->place);
	}
	snprintf(reason, sizeof(reason), "a target of kind %s %s", kinds[target->kind],
		 is_given ? "cannot have it" : "needs it");
	call_fail(call, EINVAL, property->name, reason);
	return false;
}

bool target_argument(const struct call *call, napi_value value, struct target *target)
{
	napi_value kind;

	*target = (struct target){.kind = TARGET_NONE, .pid = -1};
	if (is_undefined(call, value))
		return true;
	if (!is_object(call, value, "target") ||
	    !call_ok(call, napi_get_named_property(call->env, value, "kind", &kind)) ||
	    !kind_argument(call, kind, target))
		return false;
	for (size_t i = 0; i < sizeof(properties) / sizeof(*properties); i++)
		if (!read_property(call, &properties[i], value, target))
			return false;
	if (target->cookies.count && target->cookies.count != target->offsets.count) {
		call_fail(call, EINVAL, "cookies", "must be as many as `offsets`");
		return false;
	}
	if (target->kind == TARGET_PERF_EVENT && target->pid < 0 && !target->cpus.count) {
		call_fail(call, EINVAL, "cpus", "a target of kind perf_event needs them or `pid`");
		return false;
	}
	return true;
}

void target_free(struct target *target)
{
	free(target->offsets.list);
	free(target->cookies.list);
	free(target->cpus.list);
}
