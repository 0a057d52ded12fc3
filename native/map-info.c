#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "addon.h"
#include "object.h"

static uint64_t charged_memory(int fd)
{
	char path[64], line[128];
	uint64_t memory = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "memlock: %" SCNu64, &memory) == 1)
			break;
	fclose(file);
	return memory;
}

static napi_value type_result(const struct call *call, const struct bpf_map *map)
{
	const char *name = libbpf_bpf_map_type_str(bpf_map__type(map));
	char number[32];

	snprintf(number, sizeof(number), "type %d", (int)bpf_map__type(map));
	return string_result(call, name ? name : number);
}

static bool set_type(const struct call *call, napi_value result, const char *name, const struct btf *btf,
		     uint32_t id)
{
	return !btf || !id || set_property(call, result, name, btf_type_result(call, btf, id));
}

/* Of a map of global variables the name is that of the section: the object's stands before it in the kernel.
 */
static const char *name_of(const struct bpf_map *map)
{
	const char *name = bpf_map__name(map);
	const char *section = bpf_map__is_internal(map) ? strchr(name, '.') : NULL;

	return section ? section : name;
}

static napi_value describe(const struct call *call, const struct object *object, const struct bpf_map *map)
{
	const struct btf *btf = bpf_object__btf(object->bpf);
	napi_value result = object_result(call);
	int fd = bpf_map__fd(map);
	bool complete =
		result && set_property(call, result, "name", string_result(call, name_of(map))) &&
		set_property(call, result, "type", type_result(call, map)) &&
		set_property(call, result, "keySize", number_result(call, bpf_map__key_size(map))) &&
		set_property(call, result, "valueSize", number_result(call, bpf_map__value_size(map))) &&
		set_property(call, result, "maxEntries", number_result(call, bpf_map__max_entries(map))) &&
		set_property(call, result, "flags", number_result(call, bpf_map__map_flags(map))) &&
		set_property(call, result, "bytes",
			     number_result(call, fd < 0 ? 0 : (double)charged_memory(fd))) &&
		set_type(call, result, "key", btf, bpf_map__btf_key_type_id(map)) &&
		set_type(call, result, "value", btf, bpf_map__btf_value_type_id(map));
	return complete ? result : NULL;
}

napi_value map_info(napi_env env, napi_callback_info info)
{
	struct call call;

	if (!call_begin(&call, env, info, "describe map", 2))
		return NULL;
	struct object *object = object_argument(&call, call.arguments[0]);
	struct bpf_map *map = object ? map_argument(&call, object, call.arguments[1]) : NULL;
	return map ? describe(&call, object, map) : NULL;
}

napi_value map_list(napi_env env, napi_callback_info info)
{
	struct call call;
	struct bpf_map *map;

	if (!call_begin(&call, env, info, "list maps", 1))
		return NULL;
	struct object *object = object_argument(&call, call.arguments[0]);
	napi_value list = object ? array_result(&call) : NULL;
	if (!list)
		return NULL;
	bpf_object__for_each_map (map, object->bpf)
		if (!append(&call, list, describe(&call, object, map)))
			return NULL;
	return list;
}
