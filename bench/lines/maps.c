// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Maps as the kernel lays them out (kernel/bpf/arraymap.c, hashtab.c, ringbuf.c), as far as cache lines go.
 */
#include "maps.h"
#include "lines.h"
#include <bpf/bpf_helpers.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MAPS	      16
#define NAME_LENGTH   32
#define ELEMENT_BYTES 48 /* of struct htab_elem before its key */
#define BUCKET_BYTES  16
#define NONE	      0xffffffffu
#define RING_HEADER   8

struct shim_map {
	char name[NAME_LENGTH];
	unsigned int type, entries, key_size, value_size;
	unsigned char *
		memory; /* of an array its values, of a hash its elements, of a ring its positions and data */
	/* of a hash */
	unsigned char *buckets, *free_lists;
	unsigned int *first, *next, *free, free_count, mask, element_size;
	unsigned long long position; /* of a ring */
};

static struct shim_map maps[MAPS];
static unsigned int map_count;
static struct {
	char name[NAME_LENGTH];
	unsigned int entries;
} sizes[MAPS];
static unsigned int size_count;

static void fail(const char *what, const char *name)
{
	fprintf(stderr, "cannot lay out %s: %s\n", name, what);
	exit(1);
}

/* Zeroes, on whole pages. */
static void *allocate(const char *name, const char *part, size_t bytes)
{
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *full;

	if (memory == MAP_FAILED || asprintf(&full, "%s%s", name, part) < 0)
		fail("out of memory", name);
	lines_map(full, memory, bytes);
	return memory;
}

void maps_size(const char *name, unsigned int entries)
{
	if (size_count == MAPS)
		fail("too many sizes", name);
	snprintf(sizes[size_count].name, NAME_LENGTH, "%s", name);
	sizes[size_count++].entries = entries;
}

static unsigned int size_of(const char *name, unsigned int otherwise)
{
	for (unsigned int i = 0; i < size_count; i++)
		if (!strcmp(sizes[i].name, name))
			return sizes[i].entries;
	return otherwise;
}

static void lay_out_hash(struct shim_map *map)
{
	unsigned int buckets = 1;

	while (buckets < map->entries)
		buckets *= 2;
	map->mask = buckets - 1;
	map->element_size = ELEMENT_BYTES + (map->key_size + 7) / 8 * 8 + (map->value_size + 7) / 8 * 8;
	map->memory = allocate(map->name, "", (size_t)map->element_size * map->entries);
	map->buckets = allocate(map->name, ".buckets", (size_t)BUCKET_BYTES * buckets);
	map->free_lists = allocate(map->name, ".free", (size_t)LINE_BYTES * MAX_CPUS);
	map->first = malloc(sizeof(*map->first) * buckets);
	map->next = malloc(sizeof(*map->next) * map->entries);
	map->free = malloc(sizeof(*map->free) * map->entries);
	if (!map->first || !map->next || !map->free)
		fail("out of memory", map->name);
	memset(map->first, 0xff, sizeof(*map->first) * buckets);
	for (unsigned int i = 0; i < map->entries; i++)
		map->free[map->free_count++] = map->entries - 1 - i;
}

struct shim_map *shim_map(const char *name, unsigned int type, unsigned int entries, unsigned int key_size,
			  unsigned int value_size)
{
	struct shim_map *map = maps;

	while (map < maps + map_count && strcmp(map->name, name))
		map++;
	if (map < maps + map_count)
		return map;
	if (map_count++ == MAPS)
		fail("too many maps", name);
	snprintf(map->name, NAME_LENGTH, "%s", name);
	map->type = type;
	map->entries = size_of(name, entries);
	map->key_size = key_size;
	map->value_size = (value_size + 7) / 8 * 8;
	if (type == BPF_MAP_TYPE_ARRAY)
		map->memory = allocate(map->name, "", (size_t)map->value_size * map->entries);
	else if (type == BPF_MAP_TYPE_PERCPU_ARRAY)
		map->memory = allocate(map->name, "", (size_t)(map->value_size + LINE_BYTES) * MAX_CPUS);
	else if (type == BPF_MAP_TYPE_HASH)
		lay_out_hash(map);
	else
		fail("a type that is not known", name);
	return map;
}

static unsigned char *element(struct shim_map *map, unsigned int index)
{
	return map->memory + (size_t)map->element_size * index;
}

static unsigned int bucket_of(struct shim_map *map, const void *key)
{
	unsigned int hash = 2166136261u;

	for (unsigned int i = 0; i < map->key_size; i++)
		hash = (hash ^ ((const unsigned char *)key)[i]) * 16777619u;
	return (hash ^ hash >> 15) & map->mask;
}

/* Walks the bucket's chain, as a lookup does: the link and the hash of each element, the key where they
 * agree. */
static unsigned int find(struct shim_map *map, const void *key)
{
	unsigned int bucket = bucket_of(map, key), i;

	lines_access(map->buckets + (size_t)bucket * BUCKET_BYTES, 8, false);
	for (i = map->first[bucket]; i != NONE; i = map->next[i]) {
		lines_access(element(map, i), ELEMENT_BYTES, false);
		if (!memcmp(element(map, i) + ELEMENT_BYTES, key, map->key_size)) {
			lines_access(element(map, i) + ELEMENT_BYTES, map->key_size, false);
			break;
		}
	}
	return i;
}

void *shim_lookup(struct shim_map *map, const void *key)
{
	unsigned int index;

	if (map->type == BPF_MAP_TYPE_HASH) {
		index = find(map, key);
		return index == NONE ? NULL
				     : element(map, index) + ELEMENT_BYTES + (map->key_size + 7) / 8 * 8;
	}
	memcpy(&index, key, sizeof(index));
	if (index >= map->entries)
		return NULL;
	if (map->type == BPF_MAP_TYPE_PERCPU_ARRAY)
		return map->memory + (size_t)bpf_get_smp_processor_id() *
					     ((map->value_size + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES);
	return map->memory + (size_t)index * map->value_size;
}

static void lock_bucket(struct shim_map *map, unsigned int bucket)
{
	lines_access(map->buckets + (size_t)bucket * BUCKET_BYTES, BUCKET_BYTES, true);
}

static unsigned int take_free(struct shim_map *map)
{
	lines_access(map->free_lists + (size_t)bpf_get_smp_processor_id() * LINE_BYTES, 8, true);
	return map->free_count ? map->free[--map->free_count] : NONE;
}

long shim_update(struct shim_map *map, const void *key, const void *value, unsigned long long flags)
{
	unsigned int index = find(map, key), bucket = bucket_of(map, key);
	unsigned char *at;

	lock_bucket(map, bucket);
	if (index != NONE && flags & BPF_NOEXIST)
		return -EEXIST;
	if (index == NONE) {
		index = take_free(map);
		if (index == NONE)
			return -E2BIG;
		map->next[index] = map->first[bucket];
		map->first[bucket] = index;
	}
	at = element(map, index);
	lines_access(at, map->element_size, true);
	memcpy(at + ELEMENT_BYTES, key, map->key_size);
	memcpy(at + ELEMENT_BYTES + (map->key_size + 7) / 8 * 8, value, map->value_size);
	return 0;
}

long shim_delete(struct shim_map *map, const void *key)
{
	unsigned int index = find(map, key), bucket = bucket_of(map, key), *link = &map->first[bucket];

	lock_bucket(map, bucket);
	if (index == NONE)
		return -ENOENT;
	while (*link != index)
		link = &map->next[*link];
	*link = map->next[index];
	lines_access(element(map, index), ELEMENT_BYTES, true);
	lines_access(map->free_lists + (size_t)bpf_get_smp_processor_id() * LINE_BYTES, 8, true);
	map->free[map->free_count++] = index;
	return 0;
}

static struct shim_map *ring(void)
{
	static struct shim_map *events;

	if (!events) {
		events = &maps[map_count++];
		snprintf(events->name, NAME_LENGTH, "events");
		events->entries = size_of("events", 256 * 1024);
		events->memory = allocate("events", "", (size_t)events->entries + 2 * LINE_BYTES);
	}
	return events;
}

/* A lock and the producer's position on one line; user space reads as fast as is written. */
void *shim_reserve(unsigned long long bytes)
{
	struct shim_map *events = ring();
	unsigned long long all = (bytes + RING_HEADER + 7) / 8 * 8;
	unsigned char *at;

	if (events->position % events->entries + all > events->entries)
		events->position += events->entries - events->position % events->entries;
	at = events->memory + 2 * LINE_BYTES + events->position % events->entries;
	events->position += all;
	lines_access(events->memory, LINE_BYTES, true);
	lines_access(events->memory + LINE_BYTES, 8, false);
	lines_access(at, RING_HEADER, true);
	return at + RING_HEADER;
}

/* User space has taken everything. */
unsigned long long shim_ring_used(void)
{
	return 0;
}

void shim_submit(const void *record)
{
	lines_access((const unsigned char *)record - RING_HEADER, RING_HEADER, true);
}

long shim_copy(void *to, unsigned int size, const void *from)
{
	lines_access(from, size, false);
	lines_access(to, size, true);
	memcpy(to, from, size);
	return 0;
}

long shim_copy_text(char *to, unsigned int size, const char *from)
{
	return shim_copy(to, size, from);
}

/* One CPU acts at a time. */
void shim_order(void)
{
}
