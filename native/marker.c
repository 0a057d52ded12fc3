#include <errno.h>
#include <unistd.h>

#include "addon.h"
#include "object.h"

/* A queue: of the map types that allocate next to nothing, one that needs CAP_BPF on every kernel. */
napi_value marker_create(napi_env env, napi_callback_info info)
{
	struct call call;
	char name[BPF_OBJ_NAME_LEN];
	struct bpf_map_info map = {};
	uint32_t size = sizeof(map);

	if (!call_begin(&call, env, info, "create marker", 1) ||
	    !string_argument(&call, call.arguments[0], "name", name, sizeof(name)))
		return NULL;
	struct addon *addon = addon_of(env);
	if (!addon || addon->marker_count == MARKER_LIMIT) {
		call_fail(&call, EMFILE, name, "too many of this process");
		return NULL;
	}
	int fd = bpf_map_create(BPF_MAP_TYPE_QUEUE, name, 0, sizeof(uint32_t), 1, NULL);
	if (fd < 0) {
		call_fail(&call, -fd, name, NULL);
		return NULL;
	}
	int error = bpf_obj_get_info_by_fd(fd, &map, &size);
	if (error) {
		close(fd);
		call_fail(&call, -error, name, NULL);
		return NULL;
	}
	napi_value result = object_result(&call);
	if (!result || !set_property(&call, result, "token", number_result(&call, fd)) ||
	    !set_property(&call, result, "id", number_result(&call, map.id))) {
		close(fd);
		return NULL;
	}
	addon->markers[addon->marker_count++] = fd;
	return result;
}

napi_value marker_close(napi_env env, napi_callback_info info)
{
	struct call call;
	uint32_t token;

	if (!call_begin(&call, env, info, "close marker", 1) ||
	    !count_argument(&call, call.arguments[0], "token", &token))
		return NULL;
	struct addon *addon = addon_of(env);
	for (int i = 0; addon && i < addon->marker_count; i++) {
		if ((uint32_t)addon->markers[i] != token)
			continue;
		close(addon->markers[i]);
		addon->markers[i] = addon->markers[--addon->marker_count];
		return NULL;
	}
	call_fail(&call, EBADF, "", "not a token of `createMarker`, or closed already");
	return NULL;
}
