#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "addon.h"
#include "object.h"

#define ROUND_UP(n, unit) (((n) + (unit)-1) / (unit) * (unit))

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

/* The columns [first, first + count) of an array that is read as rows of `stride` entries. */
struct columns {
	uint32_t first;
	uint32_t count;
	uint32_t stride;
};

static bool columns_argument(const struct call *call, const struct bpf_map *map, struct columns *columns)
{
	uint32_t entries = bpf_map__max_entries(map);

	*columns = (struct columns){.count = entries, .stride = entries};
	if (is_undefined(call, call->arguments[3]))
		return true;
	if (!count_argument(call, call->arguments[3], "first column", &columns->first) ||
	    !count_argument(call, call->arguments[4], "number of columns", &columns->count) ||
	    !count_argument(call, call->arguments[5], "entries of a row", &columns->stride))
		return false;
	if (columns->stride && entries % columns->stride == 0 && columns->first < columns->stride &&
	    columns->count <= columns->stride - columns->first)
		return true;
	call_fail(call, ERANGE, bpf_map__name(map), "the columns do not lie within whole rows");
	return false;
}

napi_value map_read_array(napi_env env, napi_callback_info info)
{
	struct columns columns;
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
	if (!columns_argument(&call, map, &columns))
		return NULL;
	size_t entry = ROUND_UP((size_t)bpf_map__value_size(map), 8);
	size_t row = entry * columns.stride, part = entry * columns.count;
	size_t rows = bpf_map__max_entries(map) / columns.stride;
	if (into.size < part * rows) {
		call_fail(&call, ERANGE, name, "the destination is smaller than the map");
		return NULL;
	}
	struct map_view *view = map_view(object, map);
	if (!map_memory(&call, map, view, row * rows))
		return NULL;
	const uint8_t *from = (const uint8_t *)view->memory + entry * columns.first;
	for (size_t i = 0; i < rows; i++)
		copy_words(into.data + i * part, (const uint64_t *)(from + i * row), part);
	return number_result(&call, (double)(part * rows));
}
