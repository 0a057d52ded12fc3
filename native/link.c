#include "link.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "addon.h"
#include "feature.h"
#include "object.h"

static atomic_uint last_token;

static void keep(struct object *object, struct link *link)
{
	link->token = atomic_fetch_add(&last_token, 1) + 1;
	link->next = object->links;
	object->links = link;
}

void links_free(struct object *object, const struct link *until)
{
	while (object->links != until) {
		struct link *link = object->links;
		object->links = link->next;
		link_free(link);
	}
}

bool is_attached(const struct object *object, const struct bpf_program *program)
{
	const struct link *link = object->links;

	while (link && link->program != program)
		link = link->next;
	return link;
}

/* Whether its section says what to attach it to, as in `tp_btf/sched_switch`, and attaching alone makes it
 * run. */
static bool attaches_by_itself(const struct bpf_program *program)
{
	switch (bpf_program__type(program)) {
	case BPF_PROG_TYPE_KPROBE:
	case BPF_PROG_TYPE_TRACEPOINT:
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
	case BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE:
	case BPF_PROG_TYPE_TRACING:
	case BPF_PROG_TYPE_LSM:
		break;
	default:
		return false;
	}
	switch ((int)bpf_program__expected_attach_type(program)) {
	case BPF_TRACE_ITER:
	case BPF_LSM_CGROUP:
	case ATTACH_UPROBE_MULTI:
	case ATTACH_UPROBE_SESSION:
		return false;
	}
	return strchr(bpf_program__section_name(program), '/');
}

static const struct feature *feature_of(const struct bpf_program *program, const struct target *target)
{
	return target->kind == TARGET_UPROBE ? &feature_uprobe
	       : target->kind == TARGET_USDT ? &feature_usdt
					     : feature_of_program(program);
}

static struct link *attach(struct call *call, struct object *object, struct bpf_program *program,
			   const struct target *target)
{
	int error;

	call->program = bpf_program__name(program);
	call->feature = feature_of(program, target);
	struct link *link = attach_to(program, target, &error);
	if (link)
		keep(object, link);
	else
		call_fail_libbpf(call, -error, call->program);
	return link;
}

napi_value object_attach(napi_env env, napi_callback_info info)
{
	static const struct target none = {.kind = TARGET_NONE};
	struct call call;
	struct bpf_program *program;

	if (!call_begin(&call, env, info, "attach", 1))
		return NULL;
	struct object *object = object_in_state(&call, LOADED);
	if (!object)
		return NULL;
	const struct link *before = object->links;
	bpf_object__for_each_program (program, object->bpf) {
		if (bpf_program__fd(program) < 0 || !bpf_program__autoattach(program) ||
		    !attaches_by_itself(program) || attach(&call, object, program, &none))
			continue;
		links_free(object, before);
		return NULL;
	}
	object->state = ATTACHED;
	return NULL;
}

static bool fits(const struct call *call, const struct bpf_program *program, const struct target *target)
{
	int type = (int)bpf_program__expected_attach_type(program);

	if (target->kind != TARGET_UPROBE_MULTI || type == ATTACH_UPROBE_MULTI ||
	    type == ATTACH_UPROBE_SESSION)
		return true;
	call_fail(call, EINVAL, bpf_program__name(program),
		  "not loaded with the attach type trace_uprobe_multi or trace_uprobe_session");
	return false;
}

napi_value program_attach(napi_env env, napi_callback_info info)
{
	struct call call;
	struct target target;
	napi_value token = NULL;

	if (!call_begin(&call, env, info, "attach", 2))
		return NULL;
	struct object *object = object_argument(&call, call.arguments[0]);
	struct bpf_program *program =
		object ? loaded_program_argument(&call, object, call.arguments[1]) : NULL;
	if (!program)
		return NULL;
	struct link *link = NULL;
	call.program = bpf_program__name(program);
	if (target_argument(&call, call.arguments[2], &target) && fits(&call, program, &target))
		link = attach(&call, object, program, &target);
	target_free(&target);
	if (link)
		token = number_result(&call, link->token);
	if (link && !token)
		links_free(object, link->next);
	return token;
}

napi_value link_detach(napi_env env, napi_callback_info info)
{
	struct call call;
	uint32_t token;

	if (!call_begin(&call, env, info, "detach", 2))
		return NULL;
	struct object *object = object_argument(&call, call.arguments[0]);
	if (!object || !count_argument(&call, call.arguments[1], "link", &token))
		return NULL;
	for (struct link **place = &object->links; *place; place = &(*place)->next) {
		struct link *link = *place;
		if (link->token != token)
			continue;
		*place = link->next;
		link_free(link);
		return NULL;
	}
	call_fail(&call, EBADF, object->name, "not a link of this object, or detached already");
	return NULL;
}
