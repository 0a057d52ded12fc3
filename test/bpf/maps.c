// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "maps.h"
#include <bpf/bpf_helpers.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAPS		16
#define MAX_ENTRIES	4096
#define NAME_MAX_LENGTH 32
#define RING		"events"
#define RING_BYTES	(256 * 1024)
#define LEFTOVERS	64
#define UNSET		0xa5 /* what a record has where nothing was written */

struct entry {
	void *key; /* NULL: of an array */
	void *value;
};

struct shim_map {
	char name[NAME_MAX_LENGTH];
	unsigned int type, max_entries, key_size, value_size;
	unsigned int used; /* of a hash: the first so many entries */
	struct entry entry[MAX_ENTRIES];
};

struct limit {
	char name[NAME_MAX_LENGTH];
	unsigned int max_entries;
};

struct record {
	struct record *next;
	unsigned long long bytes;
	unsigned char data[];
};

static struct shim_map maps[MAPS];
static unsigned int map_count;
static struct limit limits[MAPS];
static unsigned int limit_count;
static struct record *oldest, *newest;
static unsigned long long ring_used;

/* Runs in the middle of a program, so many accesses to memory from now. */
static void (*interrupt)(void);
static unsigned int interrupt_in;
static bool is_interrupted;
static void *leftovers[LEFTOVERS];
static unsigned int left_count;

static void fail(const char *what, const char *name)
{
	fprintf(stderr, "cannot emulate %s: %s\n", name, what);
	abort();
}

static void *allocate(size_t bytes)
{
	void *memory = calloc(1, bytes);

	if (!memory)
		fail("out of memory", "maps");
	return memory;
}

static unsigned int limit_of(const char *name, unsigned int otherwise)
{
	for (unsigned int i = 0; i < limit_count; i++)
		if (!strcmp(limits[i].name, name))
			return limits[i].max_entries;
	return otherwise;
}

struct shim_map *shim_map(const char *name, unsigned int type, unsigned int max_entries,
			  unsigned int key_size, unsigned int value_size)
{
	struct shim_map *map = maps;

	while (map < maps + map_count && strcmp(map->name, name))
		map++;
	if (map < maps + map_count)
		return map;
	if (map_count == MAPS)
		fail("too many maps", name);
	map_count++;
	snprintf(map->name, sizeof(map->name), "%s", name);
	map->type = type;
	map->max_entries = max_entries == 1 ? MAX_ENTRIES : max_entries;
	map->key_size = key_size;
	map->value_size = value_size;
	return map;
}

static unsigned int capacity(struct shim_map *map)
{
	unsigned int entries = limit_of(map->name, map->max_entries);

	if (entries > MAX_ENTRIES)
		fail("too many entries", map->name);
	return entries;
}

/* What is deleted while a program looks at it is not gone for that program. */
static void access_memory(void);

static void release(void *memory)
{
	if (!is_interrupted)
		free(memory);
	else if (left_count == LEFTOVERS)
		fail("too many deletions at once", "maps");
	else
		leftovers[left_count++] = memory;
}

static void access_memory(void)
{
	if (!interrupt || interrupt_in-- > 1)
		return;
	void (*run)(void) = interrupt;

	interrupt = NULL;
	is_interrupted = true;
	run();
}

void maps_interrupt(unsigned int accesses, void (*run)(void))
{
	interrupt_in = accesses;
	interrupt = run;
}

bool maps_part(void)
{
	bool is_left = interrupt;

	interrupt = NULL;
	is_interrupted = false;
	while (left_count)
		free(leftovers[--left_count]);
	return is_left;
}

static struct entry *find(struct shim_map *map, const void *key)
{
	for (unsigned int i = 0; i < map->used; i++)
		if (!memcmp(map->entry[i].key, key, map->key_size))
			return &map->entry[i];
	return NULL;
}

void shim_order(void)
{
	access_memory();
}

void *shim_lookup(struct shim_map *map, const void *key)
{
	struct entry *entry;
	unsigned int index;

	access_memory();
	if (map->type != BPF_MAP_TYPE_ARRAY && map->type != BPF_MAP_TYPE_PERCPU_ARRAY) {
		entry = find(map, key);
		return entry ? entry->value : NULL;
	}
	memcpy(&index, key, sizeof(index));
	if (index >= capacity(map))
		return NULL;
	entry = &map->entry[index];
	if (!entry->value)
		entry->value = allocate(map->value_size);
	return entry->value;
}

long shim_update(struct shim_map *map, const void *key, const void *value, unsigned long long flags)
{
	struct entry *entry;

	access_memory();
	entry = find(map, key);
	if (map->type != BPF_MAP_TYPE_HASH)
		fail("an update of what is no hash", map->name);
	if (entry && flags & BPF_NOEXIST)
		return -EEXIST;
	if (!entry && flags & BPF_EXIST)
		return -ENOENT;
	if (!entry) {
		if (map->used == capacity(map))
			return -E2BIG;
		entry = &map->entry[map->used++];
		entry->key = allocate(map->key_size);
		memcpy(entry->key, key, map->key_size);
	}
	/* the kernel, too, replaces an element as a whole */
	release(entry->value);
	entry->value = allocate(map->value_size);
	memcpy(entry->value, value, map->value_size);
	return 0;
}

long shim_delete(struct shim_map *map, const void *key)
{
	struct entry *entry;

	access_memory();
	entry = find(map, key);
	if (!entry)
		return -ENOENT;
	free(entry->key);
	release(entry->value);
	*entry = map->entry[--map->used];
	map->entry[map->used] = (struct entry){};
	return 0;
}

void *shim_reserve(unsigned long long bytes)
{
	unsigned long long charged = (bytes + 15) & ~7ULL; /* with its header */
	struct record *record;

	if (ring_used + charged > limit_of(RING, RING_BYTES))
		return NULL;
	ring_used += charged;
	record = allocate(sizeof(*record) + bytes);
	record->bytes = bytes;
	memset(record->data, UNSET, bytes);
	*(newest ? &newest->next : &oldest) = record;
	newest = record;
	return record->data;
}

/* Bytes that user space has not taken. */
unsigned long long shim_ring_used(void)
{
	return ring_used;
}

void shim_submit(const void *record)
{
	struct record *reserved = oldest;

	if (newest && record == newest->data)
		return;
	while (reserved && record != reserved->data) /* another CPU has reserved one since */
		reserved = reserved->next;
	if (!reserved)
		fail("submitted what was not reserved", RING);
}

long shim_copy(void *to, unsigned int size, const void *from)
{
	access_memory();
	memcpy(to, from, size);
	return 0;
}

long shim_copy_text(char *to, unsigned int size, const char *from)
{
	unsigned int i = 0;

	while (i + 1 < size && from[i]) {
		to[i] = from[i];
		i++;
	}
	to[i] = 0;
	return i + 1;
}

void maps_reset(void)
{
	for (struct shim_map *map = maps; map < maps + map_count; map++) {
		for (unsigned int i = 0; i < MAX_ENTRIES; i++) {
			free(map->entry[i].key);
			free(map->entry[i].value);
			map->entry[i] = (struct entry){};
		}
		map->used = 0;
	}
	limit_count = 0;
	while (oldest) {
		struct record *next = oldest->next;

		free(oldest);
		oldest = next;
	}
	newest = NULL;
	ring_used = 0;
}

void maps_limit(const char *name, unsigned int max_entries)
{
	struct limit *limit = &limits[limit_count];

	if (limit_count++ == MAPS)
		fail("too many limits", name);
	snprintf(limit->name, sizeof(limit->name), "%s", name);
	limit->max_entries = max_entries;
}

static void print_bytes(const unsigned char *bytes, unsigned long long count)
{
	putchar(' ');
	for (unsigned long long i = 0; i < count; i++)
		printf("%02x", bytes[i]);
}

static bool is_empty(const unsigned char *bytes, unsigned int count)
{
	return !bytes || (!bytes[0] && !memcmp(bytes, bytes + 1, count - 1));
}

void maps_print(const char *name)
{
	if (!strcmp(name, RING))
		for (struct record *record = oldest; record; record = record->next) {
			printf("%s -", name);
			print_bytes(record->data, record->bytes);
			putchar('\n');
		}
	for (struct shim_map *map = maps; map < maps + map_count; map++) {
		if (strcmp(map->name, name))
			continue;
		for (unsigned int i = 0; i < MAX_ENTRIES; i++) {
			struct entry *entry = &map->entry[i];

			if (is_empty(entry->value, map->value_size))
				continue;
			printf("%s", name);
			print_bytes(entry->key ? entry->key : (void *)&i, map->key_size);
			print_bytes(entry->value, map->value_size);
			putchar('\n');
		}
	}
}
