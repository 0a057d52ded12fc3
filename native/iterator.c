#include <errno.h>
#include <unistd.h>

#include "addon.h"
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

napi_value program_iterate(napi_env env, napi_callback_info info)
{
	struct call call;
	char name[NAME_SIZE];
	struct bytes into;

	if (!call_begin(&call, env, info, "iterate", 3))
		return NULL;
	struct object *object = object_argument(&call, call.arguments[0]);
	if (!object || !string_argument(&call, call.arguments[1], "program", name, sizeof(name)) ||
	    !bytes_argument(&call, call.arguments[2], "destination", &into))
		return NULL;
	struct bpf_program *program = bpf_object__find_program_by_name(object->bpf, name);
	if (!program || bpf_program__expected_attach_type(program) != BPF_TRACE_ITER) {
		call_fail(&call, program ? EINVAL : ENOENT, name,
			  program ? "not an iterator" : "no program of this name in the object");
		return NULL;
	}
	if (bpf_program__fd(program) < 0) {
		call_fail(&call, EBADF, name, "the object is not loaded");
		return NULL;
	}
	struct bpf_link *link = bpf_program__attach_iter(program, NULL);
	if (!link) {
		call_fail_libbpf(&call, errno, name);
		return NULL;
	}
	int fd = bpf_iter_create(bpf_link__fd(link));
	ssize_t used = fd < 0 ? fd : read_all(fd, &into);
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	if (used >= 0)
		return number_result(&call, (double)used);
	call_fail(&call, (int)-used, name, used == -ENOBUFS ? "the destination is too small" : NULL);
	return NULL;
}
