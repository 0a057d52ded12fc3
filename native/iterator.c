#include <errno.h>
#include <unistd.h>

#include "addon.h"
#include "feature.h"
#include "iter-target.h"
#include "object.h"

/* The bytes read; negative errno, -ENOBUFS if there are more than fit. */
static ssize_t read_all(int fd, const struct bytes *into)
{
	size_t used = 0;
	uint8_t beyond;

	for (;;) {
		bool full = used == into->size;
		ssize_t count = full ? read(fd, &beyond, 1) : read(fd, into->data + used, into->size - used);
		if (count == 0)
			return (ssize_t)used;
		if (count < 0 && errno != EAGAIN &&
		    errno != EINTR) /* EAGAIN: it has looked at many objects */
			return -errno;
		if (count > 0 && full)
			return -ENOBUFS;
		if (count > 0)
			used += (size_t)count;
	}
}

/* The bytes written; negative errno. */
static ssize_t run(const struct bpf_program *program, struct iter_target *target, const struct bytes *into)
{
	LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &target->info,
		    .link_info_len = sizeof(target->info));
	struct bpf_link *link = bpf_program__attach_iter(program, target->is_given ? &options : NULL);

	if (!link)
		return -errno;
	int fd = bpf_iter_create(bpf_link__fd(link));
	ssize_t used = fd < 0 ? fd : read_all(fd, into);
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return used;
}

napi_value program_iterate(napi_env env, napi_callback_info info)
{
	struct call call;
	struct bytes into;
	struct iter_target target;

	if (!call_begin(&call, env, info, "iterate", 3))
		return NULL;
	struct object *object = object_argument(&call, call.arguments[0]);
	struct bpf_program *program =
		object ? loaded_program_argument(&call, object, call.arguments[1]) : NULL;
	if (!program || !bytes_argument(&call, call.arguments[2], "destination", &into))
		return NULL;
	call.program = bpf_program__name(program);
	if (bpf_program__expected_attach_type(program) != BPF_TRACE_ITER) {
		call_fail(&call, EINVAL, call.program, "not an iterator");
		return NULL;
	}
	call.feature = feature_of_program(program);
	ssize_t used = -1;
	bool is_valid = iter_target_argument(&call, call.arguments[3], object, &target);
	if (is_valid)
		used = run(program, &target, &into);
	iter_target_close(&target);
	if (used >= 0)
		return number_result(&call, (double)used);
	if (is_valid && used == -ENOBUFS)
		call_fail(&call, ENOBUFS, call.program, "the destination is too small");
	else if (is_valid)
		call_fail_libbpf(&call, (int)-used, call.program);
	return NULL;
}
