#include "addon.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "call.h"
#include "log.h"
#include "object.h"

struct addon *addon_of(napi_env env)
{
	void *addon = NULL;

	return napi_get_instance_data(env, &addon) == napi_ok ? addon : NULL;
}

static void addon_finalise(napi_env env, void *data, void *hint)
{
	struct addon *addon = data;

	(void)env;
	(void)hint;
	for (int i = 0; i < addon->statistics_count; i++)
		close(addon->statistics[i]);
	for (int i = 0; i < addon->marker_count; i++)
		close(addon->markers[i]);
	free(addon);
}

static napi_value monotonic(napi_env env, napi_callback_info info)
{
	struct call call;
	struct timespec now;

	if (!call_begin(&call, env, info, "read the monotonic clock", 0))
		return NULL;
	if (clock_gettime(CLOCK_MONOTONIC, &now)) {
		call_fail(&call, errno, "", NULL);
		return NULL;
	}
	return bigint_result(&call, (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
}

static napi_value possible_cpus(napi_env env, napi_callback_info info)
{
	struct call call;

	if (!call_begin(&call, env, info, "count CPUs", 0))
		return NULL;
	int cpus = libbpf_num_possible_cpus();
	if (cpus > 0)
		return number_result(&call, cpus);
	call_fail(&call, -cpus, "", NULL);
	return NULL;
}

static napi_value pidfd(napi_env env, napi_callback_info info)
{
	struct call call;
	uint32_t pid;

	if (!call_begin(&call, env, info, "open process", 1) ||
	    !count_argument(&call, call.arguments[0], "pid", &pid))
		return NULL;
	int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0); /* closed when another program is executed */
	if (fd >= 0)
		return number_result(&call, fd);
	call_fail(&call, errno, "", NULL);
	return NULL;
}

static napi_value trim_memory(napi_env env, napi_callback_info info)
{
	struct call call;

	if (call_begin(&call, env, info, "trim the memory", 0))
		malloc_trim(0);
	return NULL;
}

NAPI_MODULE_INIT()
{
	static const struct {
		const char *name;
		napi_callback function;
	} functions[] = {
		{"open", object_open},
		{"load", object_load},
		{"attach", object_attach},
		{"attachProgram", program_attach},
		{"detach", link_detach},
		{"close", object_close},
		{"map", map_info},
		{"maps", map_list},
		{"lookup", map_lookup},
		{"update", map_update},
		{"remove", map_remove},
		{"readArray", map_read_array},
		{"readHash", map_read_hash},
		{"deleteKeys", map_delete_keys},
		{"drain", ring_drain},
		{"programs", object_programs},
		{"enableStatistics", statistics_enable},
		{"disableStatistics", statistics_disable},
		{"openIterator", iterator_open},
		{"readIterator", iterator_read},
		{"closeIterator", iterator_close},
		{"createMarker", marker_create},
		{"closeMarker", marker_close},
		{"sendDatagram", datagram_send},
		{"structLayout", struct_layout},
		{"enumValues", enum_values},
		{"kernelStruct", kernel_struct},
		{"kernelMemberType", kernel_member_type},
		{"pidfd", pidfd},
		{"monotonic", monotonic},
		{"possibleCpus", possible_cpus},
		{"trimMemory", trim_memory},
	};
	const struct call call = {.env = env, .operation = "initialise the native addon"};
	struct addon *addon = calloc(1, sizeof(*addon));

	if (!addon) {
		call_fail(&call, ENOMEM, "", NULL);
		return NULL;
	}
	log_capture();
	if (!call_ok(&call, napi_set_instance_data(env, addon, addon_finalise, NULL))) {
		free(addon);
		return NULL;
	}
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		napi_value function;
		if (!call_ok(&call, napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH,
							 functions[i].function, NULL, &function)) ||
		    !set_property(&call, exports, functions[i].name, function))
			return NULL;
	}
	return exports;
}
