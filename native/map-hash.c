#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addon.h"
#include "object.h"

#define READ_ATTEMPTS 4

/* Destination of whole-map reads. */
struct entries {
	int fd;
	uint32_t key_size;
	size_t value_size;
	uint32_t capacity;
	/* The kernel's place in the map is the last key; in a hash it is a bucket. */
	bool resumes_by_key;
	uint8_t *keys, *values;
};

/* Whether nothing is behind the last batch, which was as large as it may be. */
static bool is_last(const struct entries *to, const void *token, void *next)
{
	return to->resumes_by_key && bpf_map_get_next_key(to->fd, token, next) == -ENOENT;
}

/* Number of entries or a negative errno; -ENOSPC when the map grew while it was read. */
static int64_t read_batches(const struct entries *to, void *token)
{
	uint32_t count = 0;

	for (;;) {
		uint32_t some = to->capacity - count;
		if (!some && is_last(to, token, (uint8_t *)token + to->key_size))
			return count;
		if (!some)
			return -ENOSPC;
		int error = bpf_map_lookup_batch(to->fd, count ? token : NULL, token,
						 to->keys + (size_t)count * to->key_size,
						 to->values + count * to->value_size, &some, NULL);
		if (error && error != -ENOENT)
			return error;
		count += some;
		if (error)
			return count;
	}
}

/* For maps without batches: one entry per system call. */
static int64_t read_one_by_one(const struct entries *to)
{
	uint32_t count = 0;
	void *previous = NULL;
	uint8_t *current = malloc((size_t)to->key_size * 2);
	int64_t result;

	if (!current)
		return -ENOMEM;
	uint8_t *next = current + to->key_size;
	for (;;) {
		int error = bpf_map_get_next_key(to->fd, previous, next);
		result = error == -ENOENT ? (int64_t)count : error;
		if (error)
			break;
		result = -ENOSPC;
		if (count == to->capacity)
			break;
		error = bpf_map_lookup_elem(to->fd, next, to->values + count * to->value_size);
		result = error;
		if (error && error != -ENOENT)
			break;
		if (!error)
			memcpy(to->keys + (size_t)count++ * to->key_size, next, to->key_size);
		memcpy(current, next, to->key_size);
		previous = current;
	}
	free(current);
	return result;
}

static int64_t read_entries(const struct entries *to)
{
	int64_t count = -ENOSPC;
	void *token = malloc((size_t)to->key_size * 2 + sizeof(uint32_t));

	if (!token)
		return -ENOMEM;
	for (int i = 0; i < READ_ATTEMPTS && count == -ENOSPC; i++) {
		count = read_batches(to, token);
		if (count == -EINVAL || count == -KERNEL_ENOTSUPP || count == -EOPNOTSUPP)
			count = read_one_by_one(to);
	}
	free(token);
	return count;
}

static bool is_hash(enum bpf_map_type type)
{
	return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LRU_HASH ||
	       type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static bool has_deletion(enum bpf_map_type type)
{
	return is_hash(type) || type == BPF_MAP_TYPE_LPM_TRIE || type == BPF_MAP_TYPE_STACK_TRACE;
}

/* Whether all its keys can be walked and their values copied out. */
static bool is_readable(enum bpf_map_type type)
{
	return has_deletion(type) || type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static struct bpf_map *hash_argument(const struct call *call, struct object *object, bool for_deletion)
{
	struct bpf_map *map = loaded_map_argument(call, object, call->arguments[1]);

	if (!map || (for_deletion ? has_deletion : is_readable)(bpf_map__type(map)))
		return map;
	call_fail(call, EINVAL, bpf_map__name(map),
		  for_deletion ? "not a map whose keys can be deleted"
			       : "not a map whose keys can be walked");
	return NULL;
}

napi_value map_read_hash(napi_env env, napi_callback_info info)
{
	struct call call;
	struct bytes keys, values;

	if (!call_begin(&call, env, info, "read hash", 4))
		return NULL;
	struct object *object = object_argument(&call, call.arguments[0]);
	struct bpf_map *map = object ? hash_argument(&call, object, false) : NULL;
	if (!map || !bytes_argument(&call, call.arguments[2], "keys", &keys) ||
	    !bytes_argument(&call, call.arguments[3], "values", &values))
		return NULL;
	struct entries to = {
		.fd = bpf_map__fd(map),
		.key_size = bpf_map__key_size(map),
		.value_size = whole_value_size(map),
		.resumes_by_key = !is_hash(bpf_map__type(map)),
		.keys = keys.data,
		.values = values.data,
	};
	if (!to.value_size) {
		call_fail(&call, EIO, bpf_map__name(map), "cannot count the CPUs");
		return NULL;
	}
	size_t room = keys.size / to.key_size;
	if (values.size / to.value_size < room)
		room = values.size / to.value_size;
	if (room < bpf_map__max_entries(map)) {
		call_fail(&call, ERANGE, bpf_map__name(map), "keys or values have less room than the map");
		return NULL;
	}
	to.capacity = room > UINT32_MAX ? UINT32_MAX : (uint32_t)room;
	int64_t count = read_entries(&to);
	if (count >= 0)
		return number_result(&call, (double)count);
	call_fail(&call, (int)-count, bpf_map__name(map), NULL);
	return NULL;
}

napi_value map_delete_keys(napi_env env, napi_callback_info info)
{
	struct call call;
	struct bytes keys;
	uint32_t count, deleted = 0;

	if (!call_begin(&call, env, info, "delete keys of", 4))
		return NULL;
	struct object *object = object_argument(&call, call.arguments[0]);
	struct bpf_map *map = object ? hash_argument(&call, object, true) : NULL;
	if (!map || !bytes_argument(&call, call.arguments[2], "keys", &keys) ||
	    !count_argument(&call, call.arguments[3], "count", &count))
		return NULL;
	uint32_t key_size = bpf_map__key_size(map);
	if (keys.size / key_size < count) {
		call_fail(&call, ERANGE, bpf_map__name(map), "fewer keys than `count`");
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++) {
		int error = bpf_map_delete_elem(bpf_map__fd(map), keys.data + (size_t)i * key_size);
		if (error && error != -ENOENT) {
			call_fail(&call, -error, bpf_map__name(map), NULL);
			return NULL;
		}
		deleted += !error;
	}
	return number_result(&call, deleted);
}
