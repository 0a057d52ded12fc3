// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Each run of a program touches a set of cache lines, each once. Caches are endless and coherent (MSI): a
 * line has one CPU that may write it, or any number that may read it. A transfer is a touch for which the
 * line has to come from the cache of another CPU, or for which another one's copy becomes invalid.
 */
#include "lines.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define REGIONS	  64
#define EVENTS	  8
#define RUN_LINES 1024
#define NO_OWNER  -1
#define WORD_BITS 64

struct line {
	uint64_t readers[MAX_CPUS / WORD_BITS];
	uint64_t writers[MAX_CPUS / WORD_BITS];
	int16_t owner;
	bool is_known;
};

struct counts {
	unsigned long long read, written, transfers, far;
};

struct region {
	const char *name;
	uintptr_t start, end;
	struct line *lines;		   /* NULL: the kernel's */
	size_t stride;			   /* of the kernel's */
	const struct kernel_field *fields; /* of the kernel's */
	struct counts counts[EVENTS];	   /* of a map */
};

struct touched {
	struct region *region;
	const struct kernel_field *field;
	uintptr_t line; /* its number in the region; of the kernel's the struct's address and the line */
	bool is_write;
};

static struct region regions[REGIONS], *last_region = regions;
static unsigned int region_count;
static unsigned long long runs[EVENTS];
static struct touched run[RUN_LINES];
static unsigned int run_length, run_cpu, run_event, cache_cpus = MAX_CPUS;
static bool is_running;

/* Of kernel lines by field: how often the first access of a run to that line was this one. */
#define FIELDS 256
static struct {
	const struct kernel_field *field;
	unsigned long long runs[EVENTS];
} kernel_counts[FIELDS];

static void fail(const char *what, const char *name)
{
	fprintf(stderr, "cannot follow cache lines: %s %s\n", what, name);
	exit(1);
}

static struct region *add_region(const void *start, size_t bytes)
{
	struct region *region = &regions[region_count];

	if (region_count++ == REGIONS)
		fail("too many regions", "");
	region->start = (uintptr_t)start;
	region->end = region->start + bytes;
	return region;
}

unsigned int lines_map(const char *name, const void *start, size_t bytes)
{
	struct region *region = add_region(start, bytes);

	region->name = name;
	region->lines = calloc(bytes / LINE_BYTES + 2, sizeof(struct line));
	if (!region->lines)
		fail("out of memory for", name);
	return region_count - 1;
}

void lines_kernel(const void *start, size_t stride, size_t count, const struct kernel_field *fields)
{
	struct region *region = add_region(start, stride * count);

	region->name = "the kernel";
	region->stride = stride;
	region->fields = fields;
}

static struct region *region_of(uintptr_t at)
{
	if (at >= last_region->start && at < last_region->end)
		return last_region;
	for (struct region *region = regions; region < regions + region_count; region++)
		if (at >= region->start && at < region->end)
			return last_region = region;
	return NULL;
}

static const struct kernel_field *field_at(struct region *region, size_t offset)
{
	for (const struct kernel_field *field = region->fields; field->name; field++) {
		size_t inside = offset - field->offset;

		if (offset >= field->offset && inside / field->stride < field->count &&
		    inside % field->stride < field->size)
			return field;
	}
	fprintf(stderr, "offset %zu: ", offset);
	fail("a member is read that bench/lines does not know of", region->name);
	return NULL;
}

static void touch(struct touched next)
{
	for (unsigned int i = 0; i < run_length; i++)
		if (run[i].region == next.region && run[i].line == next.line) {
			run[i].is_write |= next.is_write;
			return;
		}
	if (run_length == RUN_LINES)
		fail("too many lines of a run in", next.region->name);
	run[run_length++] = next;
}

void lines_access(const void *at, size_t bytes, bool is_write)
{
	uintptr_t address = (uintptr_t)at;
	struct region *region;

	if (!is_running || !bytes)
		return;
	region = region_of(address);
	if (!region) /* the stack, constants */
		return;
	if (!region->lines) {
		size_t offset = (address - region->start) % region->stride;
		const struct kernel_field *field = field_at(region, offset);

		/* structs of one object lie apart */
		address -= (offset - field->offset) % field->stride + field->offset - region->fields->offset;
		touch((struct touched){region, field, address << 8 | field->line, is_write});
		return;
	}
	for (uintptr_t line = address / LINE_BYTES; line <= (address + bytes - 1) / LINE_BYTES; line++)
		touch((struct touched){region, NULL, line - region->start / LINE_BYTES, is_write});
}

static bool has(const uint64_t *set, unsigned int cpu)
{
	return set[cpu / WORD_BITS] >> cpu % WORD_BITS & 1;
}

static void add(uint64_t *set, unsigned int cpu)
{
	set[cpu / WORD_BITS] |= 1ULL << cpu % WORD_BITS;
}

static bool is_far(unsigned int cpu)
{
	return cpu / cache_cpus != run_cpu / cache_cpus;
}

/* 0: no transfer; 1: inside of a cache that both share; 2: to or from another one. */
static int transfer(struct line *line, bool is_write)
{
	int distance = 0;

	if (line->owner == (int)run_cpu)
		return 0;
	if (line->owner != NO_OWNER)
		distance = 1 + is_far(line->owner);
	if (is_write)
		for (unsigned int cpu = 0; cpu < MAX_CPUS && distance < 2; cpu++)
			if (cpu != run_cpu && has(line->readers, cpu))
				distance = 1 + is_far(cpu);
	return distance;
}

static void apply(const struct touched *touched)
{
	struct line *line = &touched->region->lines[touched->line];
	struct counts *counts = &touched->region->counts[run_event];
	int distance;

	if (!line->is_known) {
		line->is_known = true;
		line->owner = NO_OWNER;
	}
	distance = transfer(line, touched->is_write);
	counts->transfers += distance > 0;
	counts->far += distance > 1;
	if (!touched->is_write) {
		counts->read++;
		if (line->owner != (int)run_cpu)
			line->owner = NO_OWNER;
		add(line->readers, run_cpu);
		return;
	}
	counts->written++;
	for (unsigned int i = 0; i < MAX_CPUS / WORD_BITS; i++)
		line->readers[i] = 0;
	line->owner = run_cpu;
	add(line->readers, run_cpu);
	add(line->writers, run_cpu);
}

void lines_begin(unsigned int cpu, unsigned int event)
{
	run_length = 0;
	run_cpu = cpu;
	run_event = event;
	is_running = true;
}

void lines_end(void)
{
	is_running = false;
	runs[run_event]++;
	for (unsigned int i = 0; i < run_length; i++) {
		unsigned int k = 0;

		if (run[i].region->lines) {
			apply(&run[i]);
			continue;
		}
		while (k < FIELDS && kernel_counts[k].field && kernel_counts[k].field != run[i].field)
			k++;
		if (k == FIELDS)
			fail("too many members of", run[i].region->name);
		kernel_counts[k].field = run[i].field;
		kernel_counts[k].runs[run_event]++;
	}
}

void lines_share_cache(unsigned int cpus)
{
	cache_cpus = cpus;
}

void lines_reset(void)
{
	for (unsigned int event = 0; event < EVENTS; event++) {
		runs[event] = 0;
		for (unsigned int i = 0; i < region_count; i++)
			regions[i].counts[event] = (struct counts){};
		for (unsigned int k = 0; k < FIELDS; k++)
			kernel_counts[k].runs[event] = 0;
	}
}

static bool is_written_by_several(const struct line *line)
{
	unsigned int writers = 0;

	for (unsigned int i = 0; i < MAX_CPUS / WORD_BITS; i++)
		writers += __builtin_popcountll(line->writers[i]);
	return writers > 1;
}

static void print_region(const struct region *region)
{
	size_t count = (region->end - region->start) / LINE_BYTES + 1;
	unsigned long long used = 0, several = 0;

	for (size_t i = 0; i < count; i++) {
		used += region->lines[i].is_known;
		several += is_written_by_several(&region->lines[i]);
	}
	printf("lines %s %llu %llu\n", region->name, used, several);
}

/* One fact a line, fields by spaces: bench/lines.ts reads them. */
void lines_print(const char *const *events, unsigned int count)
{
	for (unsigned int event = 0; event < count; event++) {
		printf("event %s %llu\n", events[event], runs[event]);
		for (struct region *region = regions; region < regions + region_count; region++) {
			const struct counts *counts = &region->counts[event];

			if (region->lines && counts->read + counts->written)
				printf("map %s %s %llu %llu %llu %llu\n", events[event], region->name,
				       counts->read, counts->written, counts->transfers, counts->far);
		}
		for (unsigned int k = 0; k < FIELDS && kernel_counts[k].field; k++)
			if (kernel_counts[k].runs[event])
				printf("kernel %s %s %u %d %llu %s\n", events[event],
				       kernel_counts[k].field->type, kernel_counts[k].field->line,
				       kernel_counts[k].field->is_touched, kernel_counts[k].runs[event],
				       kernel_counts[k].field->name);
	}
	for (struct region *region = regions; region < regions + region_count; region++)
		if (region->lines)
			print_region(region);
}
