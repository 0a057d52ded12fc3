#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

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

napi_value map_info(napi_env env, napi_callback_info info)
{
	struct call call;

	if (!call_begin(&call, env, info, "describe map", 2))
		return NULL;
	struct object *object = object_argument(&call, call.arguments[0]);
	struct bpf_map *map = object ? map_argument(&call, object, call.arguments[1]) : NULL;
	napi_value result = map ? object_result(&call) : NULL;
	if (!result)
		return NULL;
	int fd = bpf_map__fd(map);
	bool complete =
		set_property(&call, result, "keySize", number_result(&call, bpf_map__key_size(map))) &&
		set_property(&call, result, "valueSize", number_result(&call, bpf_map__value_size(map))) &&
		set_property(&call, result, "maxEntries", number_result(&call, bpf_map__max_entries(map))) &&
		set_property(&call, result, "bytes",
			     number_result(&call, fd < 0 ? 0 : (double)charged_memory(fd)));
	return complete ? result : NULL;
}
