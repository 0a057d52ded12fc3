#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "addon.h"
#include "object.h"

#define ROUND_UP(n, unit) (((n) + (unit)-1) / (unit) * (unit))

size_t whole_value_size(const struct bpf_map *map)
{
	size_t size = bpf_map__value_size(map);
	int cpus;

	switch (bpf_map__type(map)) {
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
		cpus = libbpf_num_possible_cpus();
		return cpus > 0 ? ROUND_UP(size, 8) * (size_t)cpus : 0;
	default:
		return size;
	}
}

static bool sized_argument(const struct call *call, const struct bpf_map *map, napi_value value,
			   const char *what, size_t size, struct bytes *bytes)
{
	char reason[96];

	if (!bytes_argument(call, value, what, bytes))
		return false;
	if (bytes->size == size)
		return true;
	snprintf(reason, sizeof(reason), "a %s has %zu bytes, not %zu", what, size, bytes->size);
	call_fail(call, ERANGE, bpf_map__name(map), reason);
	return false;
}

static struct bpf_map *key_arguments(const struct call *call, struct bytes *key)
{
	struct object *object = object_argument(call, call->arguments[0]);
	struct bpf_map *map = object ? loaded_map_argument(call, object, call->arguments[1]) : NULL;

	if (!map || !sized_argument(call, map, call->arguments[2], "key", bpf_map__key_size(map), key))
		return NULL;
	return map;
}

napi_value map_lookup(napi_env env, napi_callback_info info)
{
	struct call call;
	struct bytes key;
	napi_value result = NULL;

	if (!call_begin(&call, env, info, "look up in", 3))
		return NULL;
	struct bpf_map *map = key_arguments(&call, &key);
	if (!map)
		return NULL;
	size_t size = whole_value_size(map);
	uint8_t *value = malloc(size + 1); /* of size 0, some maps have no values */
	int error = value ? bpf_map_lookup_elem(bpf_map__fd(map), key.data, value) : -ENOMEM;
	if (!error)
		result = bytes_result(&call, value, size);
	else if (error != -ENOENT)
		call_fail(&call, -error, bpf_map__name(map), NULL);
	free(value);
	return result;
}

napi_value map_update(napi_env env, napi_callback_info info)
{
	struct call call;
	struct bytes key, value;
	uint64_t flags = 0;

	if (!call_begin(&call, env, info, "update", 4))
		return NULL;
	struct bpf_map *map = key_arguments(&call, &key);
	if (!map || !sized_argument(&call, map, call.arguments[3], "value", whole_value_size(map), &value) ||
	    (!is_undefined(&call, call.arguments[4]) &&
	     !integer_argument(&call, call.arguments[4], "flags", &flags)))
		return NULL;
	int error = bpf_map_update_elem(bpf_map__fd(map), key.data, value.data, flags);
	if (error)
		call_fail(&call, -error, bpf_map__name(map), NULL);
	return NULL;
}

napi_value map_remove(napi_env env, napi_callback_info info)
{
	struct call call;
	struct bytes key;

	if (!call_begin(&call, env, info, "remove from", 3))
		return NULL;
	struct bpf_map *map = key_arguments(&call, &key);
	if (!map)
		return NULL;
	int error = bpf_map_delete_elem(bpf_map__fd(map), key.data);
	if (!error || error == -ENOENT)
		return boolean_result(&call, !error);
	call_fail(&call, -error, bpf_map__name(map), NULL);
	return NULL;
}
