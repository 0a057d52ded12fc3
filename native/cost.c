#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "addon.h"
#include "object.h"

/* From the log if there is one: the program's info has the figure since 5.16 (aba64c7da983). */
static uint32_t verified_instructions(const struct bpf_program *program, const struct bpf_prog_info *info)
{
	size_t size;
	const char *log = bpf_program__log_buf(program, &size);
	const char *line = log ? strstr(log, "processed ") : NULL;
	unsigned int count;

	return line && sscanf(line, "processed %u insns", &count) == 1 ? count : info->verified_insns;
}

static napi_value describe(const struct call *call, const struct bpf_program *program, bool attached)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	/* Older kernels fill less; what they leave out stays 0. */
	int error = bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size);
	if (error) {
		call_fail(call, -error, bpf_program__name(program), NULL);
		return NULL;
	}
	const char *type = libbpf_bpf_prog_type_str(bpf_program__type(program));
	napi_value result = object_result(call);
	bool complete =
		result &&
		set_property(call, result, "name", string_result(call, bpf_program__name(program))) &&
		set_property(call, result, "type", string_result(call, type ? type : "unknown")) &&
		set_property(call, result, "section",
			     string_result(call, bpf_program__section_name(program))) &&
		set_property(call, result, "id", number_result(call, info.id)) &&
		set_property(call, result, "attached", boolean_result(call, attached)) &&
		set_property(call, result, "runTimeNs", bigint_result(call, info.run_time_ns)) &&
		set_property(call, result, "runCount", bigint_result(call, info.run_cnt)) &&
		set_property(call, result, "recursionMisses", bigint_result(call, info.recursion_misses)) &&
		set_property(call, result, "verifiedInstructions",
			     number_result(call, verified_instructions(program, &info)));
	return complete ? result : NULL;
}

napi_value object_programs(napi_env env, napi_callback_info info)
{
	struct call call;
	struct bpf_program *program;

	if (!call_begin(&call, env, info, "describe programs", 1))
		return NULL;
	struct object *object = object_argument(&call, call.arguments[0]);
	napi_value list = object ? array_result(&call) : NULL;
	if (!list)
		return NULL;
	bpf_object__for_each_program (program, object->bpf) {
		bool attached = is_attached(object, program);
		if (bpf_program__fd(program) >= 0 && !append(&call, list, describe(&call, program, attached)))
			return NULL;
	}
	return list;
}

napi_value statistics_enable(napi_env env, napi_callback_info info)
{
	struct call call;

	if (!call_begin(&call, env, info, "enable statistics", 0))
		return NULL;
	struct addon *addon = addon_of(env);
	if (!addon || addon->statistics_count == STATISTICS_LIMIT) {
		call_fail(&call, EMFILE, "", "enabled too often without being disabled");
		return NULL;
	}
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (fd < 0) {
		call_fail(&call, -fd, "", NULL);
		return NULL;
	}
	addon->statistics[addon->statistics_count++] = fd;
	return number_result(&call, fd);
}

napi_value statistics_disable(napi_env env, napi_callback_info info)
{
	struct call call;
	uint32_t token;

	if (!call_begin(&call, env, info, "disable statistics", 1) ||
	    !count_argument(&call, call.arguments[0], "token", &token))
		return NULL;
	struct addon *addon = addon_of(env);
	for (int i = 0; addon && i < addon->statistics_count; i++) {
		if ((uint32_t)addon->statistics[i] != token)
			continue;
		close(addon->statistics[i]);
		addon->statistics[i] = addon->statistics[--addon->statistics_count];
		return NULL;
	}
	call_fail(&call, EBADF, "", "not a token of `enableStatistics`, or disabled already");
	return NULL;
}
