#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "feature.h"
#include "iter-target.h"

static const char *const orders[] = {
	[BPF_CGROUP_ITER_SELF_ONLY] = "self_only",
	[BPF_CGROUP_ITER_DESCENDANTS_PRE] = "descendants_pre",
	[BPF_CGROUP_ITER_DESCENDANTS_POST] = "descendants_post",
	[BPF_CGROUP_ITER_ANCESTORS_UP] = "ancestors_up",
};

static bool read_map(const struct call *call, napi_value value, const char *what, struct iter_target *target)
{
	struct bpf_map *map = loaded_map_argument(call, target->object, value);

	(void)what;
	if (map)
		target->info.map.map_fd = (uint32_t)bpf_map__fd(map);
	return map;
}

static bool read_order(const struct call *call, napi_value value, const char *what,
		       struct iter_target *target)
{
	char text[NAME_SIZE];

	if (!string_argument(call, value, what, text, sizeof(text)))
		return false;
	for (size_t i = 1; i < sizeof(orders) / sizeof(*orders); i++) {
		if (strcmp(orders[i], text))
			continue;
		target->info.cgroup.order = (enum bpf_cgroup_iter_order)i;
		return true;
	}
	call_fail(call, EINVAL, text, "no such order");
	return false;
}

static bool read_path(const struct call *call, napi_value value, const char *what, struct iter_target *target)
{
	char path[PATH_MAX];

	if (!string_argument(call, value, what, path, sizeof(path)))
		return false;
	target->cgroup_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	target->info.cgroup.cgroup_fd = (uint32_t)target->cgroup_fd;
	if (target->cgroup_fd >= 0)
		return true;
	call_fail(call, errno, path, NULL);
	return false;
}

static bool read_cgroup_id(const struct call *call, napi_value value, const char *what,
			   struct iter_target *target)
{
	uint64_t id;

	if (!integer_argument(call, value, what, &id))
		return false;
	target->info.cgroup.cgroup_id = id;
	return true;
}

static bool read_pid(const struct call *call, napi_value value, const char *what, struct iter_target *target)
{
	return count_argument(call, value, what, &target->info.task.pid);
}

static bool read_tid(const struct call *call, napi_value value, const char *what, struct iter_target *target)
{
	return count_argument(call, value, what, &target->info.task.tid);
}

static bool read_pidfd(const struct call *call, napi_value value, const char *what,
		       struct iter_target *target)
{
	return count_argument(call, value, what, &target->info.task.pid_fd);
}

static const struct property {
	const char *kind, *name;
	bool (*read)(const struct call *call, napi_value value, const char *what, struct iter_target *target);
} properties[] = {
	{"map", "map", read_map},	  {"cgroup", "order", read_order}, {"cgroup", "path", read_path},
	{"cgroup", "id", read_cgroup_id}, {"task", "pid", read_pid},	   {"task", "tid", read_tid},
	{"task", "pidfd", read_pidfd},
};

static bool read_property(const struct call *call, const char *name, napi_value value, void *context)
{
	struct iter_target *target = context;
	const struct property *end = properties + sizeof(properties) / sizeof(*properties);

	if (!strcmp(name, "kind"))
		return true;
	for (const struct property *property = properties; property < end; property++)
		if (!strcmp(property->kind, target->kind) && !strcmp(property->name, name))
			return property->read(call, value, name, target);
	call_fail(call, EINVAL, name, "no such property of what is iterated");
	return false;
}

bool iter_target_argument(struct call *call, napi_value value, struct object *object,
			  struct iter_target *target)
{
	napi_value kind;

	*target = (struct iter_target){.object = object, .cgroup_fd = -1};
	if (is_undefined(call, value))
		return true;
	if (!is_object(call, value, "what is iterated") ||
	    !call_ok(call, napi_get_named_property(call->env, value, "kind", &kind)) ||
	    !string_argument(call, kind, "kind", target->kind, sizeof(target->kind)) ||
	    !each_property(call, value, "what is iterated", read_property, target))
		return false;
	target->is_given = true;
	if (!strcmp(target->kind, "cgroup"))
		call->feature = &feature_iterator_of_cgroup;
	else if (!strcmp(target->kind, "task"))
		call->feature = &feature_iterator_of_task;
	return true;
}

void iter_target_close(struct iter_target *target)
{
	if (target->cgroup_fd >= 0)
		close(target->cgroup_fd);
}
