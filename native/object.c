#include "object.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "feature.h"
#include "log.h"

static const napi_type_tag object_tag = {0x6561727368746f62, 0x6a656374a7c31e05};

static void object_release(struct object *object)
{
	struct bpf_map *map;
	size_t i = 0;

	if (!object->bpf)
		return;
	iterators_free(object);
	links_free(object, NULL);
	bpf_object__for_each_map (map, object->bpf) {
		struct map_view *view = &object->views[i++];
		if (view->memory)
			munmap(view->memory, view->memory_size);
		ring_buffer__free(view->ring);
	}
	bpf_object__close(object->bpf);
	free(object->views);
	free(object->verifier_logs);
	*object = (struct object){.bpf = NULL};
}

static void object_finalise(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	object_release(data);
	free(data);
}

static struct object *tagged_argument(const struct call *call, napi_value value)
{
	napi_valuetype type;
	bool tagged = false;
	void *data;

	if (!call_ok(call, napi_typeof(call->env, value, &type)))
		return NULL;
	if (type == napi_object &&
	    !call_ok(call, napi_check_object_type_tag(call->env, value, &object_tag, &tagged)))
		return NULL;
	if (!tagged) {
		call_fail(call, EINVAL, "", "the first argument must be a BPF object");
		return NULL;
	}
	return call_ok(call, napi_unwrap(call->env, value, &data)) ? data : NULL;
}

struct object *object_argument(const struct call *call, napi_value value)
{
	struct object *object = tagged_argument(call, value);

	if (!object || object->bpf)
		return object;
	call_fail_code(call, "ECLOSED", "", "the BPF object is closed");
	return NULL;
}

struct bpf_map *map_argument(const struct call *call, struct object *object, napi_value value)
{
	char name[NAME_SIZE];

	if (!string_argument(call, value, "map name", name, sizeof(name)))
		return NULL;
	struct bpf_map *map = bpf_object__find_map_by_name(object->bpf, name);
	if (!map)
		call_fail(call, ENOENT, name, "no map of this name in the object");
	return map;
}

struct bpf_map *loaded_map_argument(const struct call *call, struct object *object, napi_value value)
{
	struct bpf_map *map = map_argument(call, object, value);

	if (!map || bpf_map__fd(map) >= 0)
		return map;
	call_fail(call, EBADF, bpf_map__name(map), "the object is not loaded");
	return NULL;
}

struct bpf_program *loaded_program_argument(const struct call *call, struct object *object, napi_value value)
{
	char name[NAME_SIZE];

	if (!string_argument(call, value, "program", name, sizeof(name)))
		return NULL;
	struct bpf_program *program = bpf_object__find_program_by_name(object->bpf, name);
	if (program && bpf_program__fd(program) >= 0)
		return program;
	call_fail(call, program ? EBADF : ENOENT, name,
		  program ? "the program is not loaded" : "no program of this name in the object");
	return NULL;
}

struct map_view *map_view(struct object *object, const struct bpf_map *wanted)
{
	struct bpf_map *map;
	size_t i = 0;

	bpf_object__for_each_map (map, object->bpf) {
		if (map == wanted)
			return &object->views[i];
		i++;
	}
	return NULL;
}

static bool make_views(struct object *object)
{
	struct bpf_map *map;
	size_t maps = 0;

	bpf_object__for_each_map (map, object->bpf)
		maps++;
	object->views = calloc(maps + 1, sizeof(*object->views));
	return object->views;
}

/* Frees `object` through its finaliser once wrapped, directly before that. */
static napi_value wrap(const struct call *call, struct object *object)
{
	napi_value value = object_result(call);

	if (!value || !call_ok(call, napi_wrap(call->env, value, object, object_finalise, NULL, NULL))) {
		object_finalise(call->env, object, NULL);
		return NULL;
	}
	return call_ok(call, napi_type_tag_object(call->env, value, &object_tag)) ? value : NULL;
}

/* libbpf 1.1 does not close a directory that it was to open, and would wait for a writer of a FIFO. What
 * cannot be looked at is left to libbpf, which has a message. */
static bool may_be_object_file(const struct call *call, const char *path)
{
	struct stat file;

	if (stat(path, &file) || S_ISREG(file.st_mode))
		return true;
	if (S_ISDIR(file.st_mode))
		call_fail(call, EISDIR, path, NULL);
	else
		call_fail(call, EINVAL, path, "not a regular file");
	return false;
}

napi_value object_open(napi_env env, napi_callback_info info)
{
	struct call call;
	char path[PATH_MAX];

	if (!call_begin(&call, env, info, "open", 2) ||
	    !string_argument(&call, call.arguments[0], "path", path, sizeof(path)))
		return NULL;
	if (!may_be_object_file(&call, path))
		return NULL;
	struct object *object = calloc(1, sizeof(*object));
	if (!object) {
		call_fail(&call, ENOMEM, path, NULL);
		return NULL;
	}
	const char *slash = strrchr(path, '/');
	snprintf(object->name, sizeof(object->name), "%.*s", NAME_SIZE - 1, slash ? slash + 1 : path);
	/* Types of CO-RE relocations are those of vmlinux alone: libbpf would look one that is missing there
	 * up in the BTF of all modules, and to list those takes CAP_SYS_ADMIN. */
	LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = "/sys/kernel/btf/vmlinux");
	object->bpf = bpf_object__open_file(path, &options);
	if (!object->bpf || !make_views(object)) {
		call_fail_libbpf(&call, errno, path);
		object_finalise(env, object, NULL);
		return NULL;
	}
	if (!apply_options(&call, object, call.arguments[1])) {
		object_finalise(env, object, NULL);
		return NULL;
	}
	return wrap(&call, object);
}

struct object *object_in_state(const struct call *call, enum object_state wanted)
{
	static const char *const refusals[] = {
		[OPENED] = "the object is not loaded",
		[LOADED] = "the object is already loaded",
		[ATTACHED] = "the object is already attached",
		[BROKEN] = "loading the object has failed before",
	};
	struct object *object = object_argument(call, call->arguments[0]);

	if (!object || object->state == wanted)
		return object;
	call_fail(call, EBUSY, object->name, refusals[object->state]);
	return NULL;
}

/* libbpf does not return which, but writes it. */
static struct bpf_program *refused_program(struct object *object)
{
	char line[512], name[NAME_SIZE];

	if (!log_line("BPF program load failed", line, sizeof(line)) ||
	    sscanf(line, "prog '%255[^']'", name) != 1)
		return NULL;
	return bpf_object__find_program_by_name(object->bpf, name);
}

napi_value object_load(napi_env env, napi_callback_info info)
{
	struct call call;

	if (!call_begin(&call, env, info, "load", 1))
		return NULL;
	struct object *object = object_in_state(&call, OPENED);
	if (!object)
		return NULL;
	int error = bpf_object__load(object->bpf);
	object->state = error ? BROKEN : LOADED;
	if (!error)
		return NULL;
	struct bpf_program *refused = refused_program(object);
	if (refused) {
		call.program = bpf_program__name(refused);
		call.feature = feature_of_program(refused);
	}
	call_fail_libbpf(&call, -error, object->name);
	return NULL;
}

napi_value object_close(napi_env env, napi_callback_info info)
{
	struct call call;

	if (!call_begin(&call, env, info, "close", 1))
		return NULL;
	struct object *object = tagged_argument(&call, call.arguments[0]);
	if (object)
		object_release(object);
	return NULL;
}
