#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addon.h"
#include "object.h"

/* Where the callback of a ring buffer puts its records; set for the duration of one drain. */
struct destination {
	uint8_t *data;
	size_t size;
	size_t used;
	size_t max_record;
	size_t oversized;
	bool full;
};

#define ALIGNED(n) (((n) + 7) & ~(size_t)7)

/* By thread, because libbpf fixes a callback's context when the ring buffer is opened. */
static _Thread_local struct destination destination;

/*
 * libbpf moves past a record also when its callback refuses to go on, so a refusal comes after the record is
 * stored, when the next one might not fit.
 */
static int store(void *context, void *record, size_t size)
{
	struct destination *to = &destination;

	(void)context;
	if (size > to->max_record) {
		to->oversized = size;
		return -EMSGSIZE;
	}
	memcpy(to->data + to->used, record, size);
	memset(to->data + to->used + size, 0, ALIGNED(size) - size);
	to->used += ALIGNED(size);
	to->full = to->size - to->used < ALIGNED(to->max_record);
	return to->full ? -ENOBUFS : 0;
}

static struct bpf_map *ring_argument(const struct call *call, struct object *object)
{
	struct bpf_map *map = loaded_map_argument(call, object, call->arguments[1]);

	if (!map || bpf_map__type(map) == BPF_MAP_TYPE_RINGBUF)
		return map;
	call_fail(call, EINVAL, bpf_map__name(map), "not a ring buffer");
	return NULL;
}

static struct ring_buffer *ring_of(const struct call *call, struct object *object, const struct bpf_map *map)
{
	struct map_view *view = map_view(object, map);

	if (!view->ring)
		view->ring = ring_buffer__new(bpf_map__fd(map), store, NULL, NULL);
	if (!view->ring)
		call_fail(call, errno, bpf_map__name(map), NULL);
	return view->ring;
}

static bool destination_argument(const struct call *call, const char *name)
{
	struct bytes into;
	uint32_t max_record;

	if (!bytes_argument(call, call->arguments[2], "destination", &into) ||
	    !count_argument(call, call->arguments[3], "largest record", &max_record))
		return false;
	if (max_record == 0 || into.size < ALIGNED((size_t)max_record)) {
		call_fail(call, ERANGE, name, "the destination has no room for one largest record");
		return false;
	}
	destination = (struct destination){.data = into.data, .size = into.size, .max_record = max_record};
	return true;
}

napi_value ring_drain(napi_env env, napi_callback_info info)
{
	struct call call;
	char reason[96];

	if (!call_begin(&call, env, info, "drain", 4))
		return NULL;
	struct object *object = object_argument(&call, call.arguments[0]);
	struct bpf_map *map = object ? ring_argument(&call, object) : NULL;
	if (!map || !destination_argument(&call, bpf_map__name(map)))
		return NULL;
	struct ring_buffer *ring = ring_of(&call, object, map);
	if (!ring)
		return NULL;
	int result = ring_buffer__consume(ring);
	if (destination.oversized) {
		snprintf(reason, sizeof(reason), "a record of %zu bytes is larger than the largest one (%zu)",
			 destination.oversized, destination.max_record);
		call_fail(&call, EMSGSIZE, bpf_map__name(map), reason);
		return NULL;
	}
	if (result < 0 && !destination.full) {
		call_fail(&call, -result, bpf_map__name(map), NULL);
		return NULL;
	}
	return number_result(&call, (double)destination.used);
}
