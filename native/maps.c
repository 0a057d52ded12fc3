#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "addon.h"
#include "object.h"

#define ROUND_UP(n, unit) (((n) + (unit)-1) / (unit) * (unit))
#define READ_ATTEMPTS	  4

static uint64_t charged_memory(int fd)
{
	char path[64], line[128];
	uint64_t memory = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "memlock: %" SCNu64, &memory) == 1)
			break;
	fclose(file);
	return memory;
}

napi_value map_info(napi_env env, napi_callback_info info)
{
	struct call call;

	if (!call_begin(&call, env, info, "describe map", 2))
		return NULL;
	struct object *object = object_argument(&call, call.arguments[0]);
	struct bpf_map *map = object ? map_argument(&call, object, call.arguments[1]) : NULL;
	napi_value result = map ? object_result(&call) : NULL;
	if (!result)
		return NULL;
	int fd = bpf_map__fd(map);
	bool complete =
		set_property(&call, result, "keySize", number_result(&call, bpf_map__key_size(map))) &&
		set_property(&call, result, "valueSize", number_result(&call, bpf_map__value_size(map))) &&
		set_property(&call, result, "maxEntries", number_result(&call, bpf_map__max_entries(map))) &&
		set_property(&call, result, "bytes",
			     number_result(&call, fd < 0 ? 0 : (double)charged_memory(fd)));
	return complete ? result : NULL;
}

/* Whole aligned words, so that no 64-bit total is seen half written. */
static void copy_words(uint8_t *to, const uint64_t *from, size_t size)
{
	for (size_t i = 0; i < size / sizeof(*from); i++) {
		uint64_t word = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
		memcpy(to + i * sizeof(word), &word, sizeof(word));
	}
}

static bool map_memory(const struct call *call, const struct bpf_map *map, struct map_view *view, size_t size)
{
	if (view->memory)
		return true;
	size_t whole = ROUND_UP(size, (size_t)sysconf(_SC_PAGESIZE));
	void *memory = mmap(NULL, whole, PROT_READ, MAP_SHARED, bpf_map__fd(map), 0);
	if (memory == MAP_FAILED) {
		call_fail(call, errno, bpf_map__name(map), NULL);
		return false;
	}
	view->memory = memory;
	view->memory_size = whole;
	return true;
}

napi_value map_read_array(napi_env env, napi_callback_info info)
{
	struct call call;
	struct bytes into;

	if (!call_begin(&call, env, info, "read array", 3))
		return NULL;
	struct object *object = object_argument(&call, call.arguments[0]);
	struct bpf_map *map = object ? loaded_map_argument(&call, object, call.arguments[1]) : NULL;
	if (!map || !bytes_argument(&call, call.arguments[2], "destination", &into))
		return NULL;
	const char *name = bpf_map__name(map);
	if (bpf_map__type(map) != BPF_MAP_TYPE_ARRAY || !(bpf_map__map_flags(map) & BPF_F_MMAPABLE)) {
		call_fail(&call, EINVAL, name, "not an array that can be mapped (BPF_F_MMAPABLE)");
		return NULL;
	}
	size_t size = ROUND_UP((size_t)bpf_map__value_size(map), 8) * bpf_map__max_entries(map);
	if (into.size < size) {
		call_fail(&call, ERANGE, name, "the destination is smaller than the map");
		return NULL;
	}
	struct map_view *view = map_view(object, map);
	if (!map_memory(&call, map, view, size))
		return NULL;
	copy_words(into.data, view->memory, size);
	return number_result(&call, (double)size);
}

/* Destination of whole-map reads. */
struct entries {
	int fd;
	uint32_t key_size, value_size;
	uint32_t capacity;
	uint8_t *keys, *values;
};

/* Number of entries or a negative errno; -ENOSPC when the map grew while it was read. */
static int64_t read_batches(const struct entries *to)
{
	uint32_t count = 0, token = 0;

	for (;;) {
		uint32_t some = to->capacity - count;
		if (!some)
			return -ENOSPC;
		int error = bpf_map_lookup_batch(to->fd, count ? &token : NULL, &token,
						 to->keys + (size_t)count * to->key_size,
						 to->values + (size_t)count * to->value_size, &some, NULL);
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
		error = bpf_map_lookup_elem(to->fd, next, to->values + (size_t)count * to->value_size);
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

	for (int i = 0; i < READ_ATTEMPTS && count == -ENOSPC; i++) {
		count = read_batches(to);
		if (count == -EINVAL || count == -KERNEL_ENOTSUPP || count == -EOPNOTSUPP)
			count = read_one_by_one(to);
	}
	return count;
}

static struct bpf_map *hash_argument(const struct call *call, struct object *object)
{
	struct bpf_map *map = loaded_map_argument(call, object, call->arguments[1]);

	if (!map || bpf_map__type(map) == BPF_MAP_TYPE_HASH || bpf_map__type(map) == BPF_MAP_TYPE_LRU_HASH)
		return map;
	call_fail(call, EINVAL, bpf_map__name(map), "not a hash map with one value per key");
	return NULL;
}

napi_value map_read_hash(napi_env env, napi_callback_info info)
{
	struct call call;
	struct bytes keys, values;

	if (!call_begin(&call, env, info, "read hash", 4))
		return NULL;
	struct object *object = object_argument(&call, call.arguments[0]);
	struct bpf_map *map = object ? hash_argument(&call, object) : NULL;
	if (!map || !bytes_argument(&call, call.arguments[2], "keys", &keys) ||
	    !bytes_argument(&call, call.arguments[3], "values", &values))
		return NULL;
	struct entries to = {
		.fd = bpf_map__fd(map),
		.key_size = bpf_map__key_size(map),
		.value_size = bpf_map__value_size(map),
		.keys = keys.data,
		.values = values.data,
	};
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
	struct bpf_map *map = object ? hash_argument(&call, object) : NULL;
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
