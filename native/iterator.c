#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "addon.h"
#include "feature.h"
#include "iter-target.h"
#include "object.h"

/* One run of an iterator program. The object owns it. */
struct iterator {
	struct iterator *next;
	/* As long as the run: not on every kernel does that hold the map which it iterates. */
	struct bpf_link *link;
	int fd;
	/* Unique in the process. */
	uint32_t token;
};

static atomic_uint last_token;

static void iterator_free(struct iterator *iterator)
{
	if (iterator->fd >= 0)
		close(iterator->fd);
	bpf_link__destroy(iterator->link);
	free(iterator);
}

void iterators_free(struct object *object)
{
	while (object->iterators) {
		struct iterator *iterator = object->iterators;
		object->iterators = iterator->next;
		iterator_free(iterator);
	}
}

/* NULL and a negative errno. */
static struct iterator *iterator_new(const struct bpf_program *program, struct iter_target *target,
				     int *error)
{
	LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &target->info,
		    .link_info_len = sizeof(target->info));
	struct iterator *iterator = calloc(1, sizeof(*iterator));

	*error = iterator ? 0 : -ENOMEM;
	if (!iterator)
		return NULL;
	iterator->fd = -1;
	iterator->link = bpf_program__attach_iter(program, target->is_given ? &options : NULL);
	*error = iterator->link ? 0 : -errno;
	if (!*error)
		iterator->fd = bpf_iter_create(bpf_link__fd(iterator->link));
	if (!*error && iterator->fd < 0)
		*error = iterator->fd;
	if (!*error)
		return iterator;
	iterator_free(iterator);
	return NULL;
}

napi_value iterator_open(napi_env env, napi_callback_info info)
{
	struct call call;
	struct iter_target target;
	struct iterator *iterator = NULL;
	int error = 0;

	if (!call_begin(&call, env, info, "iterate", 2))
		return NULL;
	struct object *object = object_argument(&call, call.arguments[0]);
	struct bpf_program *program =
		object ? loaded_program_argument(&call, object, call.arguments[1]) : NULL;
	if (!program)
		return NULL;
	call.program = bpf_program__name(program);
	if (bpf_program__expected_attach_type(program) != BPF_TRACE_ITER) {
		call_fail(&call, EINVAL, call.program, "not an iterator");
		return NULL;
	}
	call.feature = feature_of_program(program);
	if (iter_target_argument(&call, call.arguments[2], object, &target))
		iterator = iterator_new(program, &target, &error);
	iter_target_close(&target);
	if (error)
		call_fail_libbpf(&call, -error, call.program);
	if (!iterator)
		return NULL;
	iterator->token = atomic_fetch_add(&last_token, 1) + 1;
	napi_value token = number_result(&call, iterator->token);
	if (!token) {
		iterator_free(iterator);
		return NULL;
	}
	iterator->next = object->iterators;
	object->iterators = iterator;
	return token;
}

/* Where the iterator of a token is linked; NULL has thrown. */
static struct iterator **place_argument(const struct call *call, struct object *object)
{
	uint32_t token;

	if (!object || !count_argument(call, call->arguments[1], "iterator", &token))
		return NULL;
	for (struct iterator **place = &object->iterators; *place; place = &(*place)->next)
		if ((*place)->token == token)
			return place;
	call_fail(call, EBADF, object->name, "not an iterator of this object, or closed already");
	return NULL;
}

napi_value iterator_read(napi_env env, napi_callback_info info)
{
	struct call call;
	struct bytes into;
	ssize_t used;

	if (!call_begin(&call, env, info, "read iterator", 3))
		return NULL;
	struct object *object = object_argument(&call, call.arguments[0]);
	if (!object || !bytes_argument(&call, call.arguments[2], "destination", &into))
		return NULL;
	if (!into.size) { /* 0 bytes are the end */
		call_fail(&call, EINVAL, "destination", "must not be empty");
		return NULL;
	}
	struct iterator **place = place_argument(&call, object);
	if (!place)
		return NULL;
	do
		used = read((*place)->fd, into.data, into.size);
	while (used < 0 && (errno == EINTR || errno == EAGAIN)); /* EAGAIN: nothing of a million objects */
	if (used >= 0)
		return number_result(&call, (double)used);
	call_fail(&call, errno, object->name, NULL);
	return NULL;
}

napi_value iterator_close(napi_env env, napi_callback_info info)
{
	struct call call;

	if (!call_begin(&call, env, info, "close iterator", 2))
		return NULL;
	struct object *object = object_argument(&call, call.arguments[0]);
	struct iterator **place = place_argument(&call, object);
	if (!place)
		return NULL;
	struct iterator *iterator = *place;
	*place = iterator->next;
	iterator_free(iterator);
	return NULL;
}
