// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Runs the programs over schedules from standard input, one command a line; `print` shows what the maps hold.
 */
#include "scheduler.bpf.c"
#include "kernel.h"
#include "maps.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LACKS	8
#define TEXT	64
#define LINE	256
#define SECONDS 20
#define WORDS	5
#define CONSTANT(c)                                                                                          \
	{                                                                                                    \
#c, (void *)&c, sizeof(c)                                                                    \
	}

/* `const volatile` for the programs; set from outside, as libbpf does. */
static const struct {
	const char *name;
	void *address;
	size_t bytes;
} constants[] = {
	CONSTANT(slots),	 CONSTANT(histogram_shift), CONSTANT(task_sets),
	CONSTANT(min_wait),	 CONSTANT(sample),	    CONSTANT(event_interval),
	CONSTANT(event_burst),	 CONSTANT(event_room),	    CONSTANT(quantum),
	CONSTANT(progress_row),	 CONSTANT(progress_after),  CONSTANT(recovers_switches),
	CONSTANT(throttle_sets),
};

static char lacks[LACKS][TEXT];
static u32 lack_count, random_state;

static void refuse(const char *line)
{
	fprintf(stderr, "cannot run: %s", line);
	exit(1);
}

_Bool shim_kernel_has(const char *field)
{
	size_t length = strlen(field);

	for (u32 i = 0; i < lack_count; i++) {
		size_t ending = strlen(lacks[i]);

		if (length >= ending && !strcmp(field + length - ending, lacks[i]))
			return false;
	}
	return true;
}

/* xorshift: the same for each schedule */
unsigned int bpf_get_prandom_u32(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state;
}

static void begin(void)
{
	alarm(SECONDS); /* a schedule that never ends kills */
	maps_reset();
	kernel_reset();
	lack_count = 0;
	random_state = 1;
}

static void set_constant(const char *name, u64 value)
{
	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
		if (!strcmp(constants[i].name, name)) {
			memcpy(constants[i].address, &value, constants[i].bytes);
			return;
		}
	refuse(name);
}

static void make_constants_writable(void)
{
	size_t page = sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++) {
		void *start = (void *)((unsigned long)constants[i].address & ~(page - 1));

		if (mprotect(start, page, PROT_READ | PROT_WRITE))
			refuse("constants\n");
	}
}

static void admit_each(u64 ns)
{
	u32 only = 0;
	struct pair_room *room = bpf_map_lookup_elem(&pair_room, &only);

	room->admit_each = ns;
}

static void run(const char *line);

static void run_lines(u32 count)
{
	char line[LINE];

	while (count-- && fgets(line, sizeof(line), stdin))
		run(line);
}

/* Commands that run in the midst of another one. */
static u32 midst_lines;

static void run_midst(void)
{
	u32 acting = acting_cpu;

	run_lines(midst_lines);
	acting_cpu = acting;
}

/* The next line, with those after it in its midst. */
static void interrupted(u32 accesses, u32 lines)
{
	char line[LINE];

	if (!fgets(line, sizeof(line), stdin))
		refuse("nothing\n");
	midst_lines = lines;
	maps_interrupt(accesses, run_midst);
	run(line);
	if (maps_part())
		run_lines(lines);
}

static void iterate(int cpu, u32 accesses, u32 lines)
{
	midst_lines = lines;
	maps_interrupt(accesses, run_midst);
	kernel_iterate(cpu);
	if (maps_part())
		run_lines(lines);
}

static void run(const char *line)
{
	char command[TEXT], name[TEXT];
	long long n[WORDS];
	int words;

	if (sscanf(line, "print %63s", name) == 1) {
		maps_print(name);
		return;
	}
	if (sscanf(line, "say %63s", name) == 1) {
		puts(name);
		return;
	}
	if (sscanf(line, "lacks %63[^\n]", name) == 1) {
		if (lack_count == LACKS)
			refuse(line);
		strcpy(lacks[lack_count++], name);
		return;
	}
	if (sscanf(line, "limit %63s %lld", name, &n[0]) == 2) {
		maps_limit(name, n[0]);
		return;
	}
	if (sscanf(line, "constant %63s %lld", name, &n[0]) == 2) {
		set_constant(name, n[0]);
		return;
	}
	if (sscanf(line, "admit_each %lld", &n[0]) == 1) {
		admit_each(n[0]);
		return;
	}
	words = sscanf(line, "%63s %lld %lld %lld %lld %lld", command, &n[0], &n[1], &n[2], &n[3], &n[4]);
	if (words == 1 && !strcmp(command, "begin"))
		begin();
	else if (words == 1 && !strcmp(command, "end"))
		(puts("end"), alarm(0));
	else if (words == 6 && !strcmp(command, "group"))
		kernel_add_group(n[0], n[1], n[2], n[3], n[4]);
	else if (words == 5 && !strcmp(command, "thread"))
		kernel_add_thread(&threads[n[0]], n[1], n[2], 0, n[3]);
	else if (words == 4 && !strcmp(command, "clock"))
		kernel_clock(n[0], n[1], n[2]);
	else if (words == 2 && !strcmp(command, "run_out"))
		running_out = &groups[n[0]];
	else if (words == 3 && !strcmp(command, "wake"))
		kernel_wake(&threads[n[0]], n[1]);
	else if (words == 2 && !strcmp(command, "drop"))
		kernel_drop_sleeper(&threads[n[0]]);
	else if (words == 5 && !strcmp(command, "switch"))
		kernel_switch(n[0], n[1] < 0 ? NULL : &threads[n[1]], n[2], n[3]);
	else if (words == 3 && !strcmp(command, "interrupt"))
		interrupted(n[0], n[1]);
	else if (words == 4 && !strcmp(command, "iterate"))
		iterate(n[0], n[1], n[2]);
	else if (words == 4 && !strcmp(command, "visit"))
		kernel_visit(n[0], &threads[n[1]], &threads[n[2]]);
	else if (words == 4 && !strcmp(command, "migrate"))
		kernel_migrate(&threads[n[0]], n[1], n[2]);
	else if (words == 3 && !strcmp(command, "move"))
		kernel_move(&threads[n[0]], &groups[n[1]]);
	else if (words == 3 && !strcmp(command, "throttle"))
		kernel_throttle(&groups[n[0]], n[1]);
	else if (words == 3 && !strcmp(command, "unthrottle"))
		kernel_unthrottle(&groups[n[0]], n[1]);
	else
		refuse(line);
	if (words == 1)
		fflush(stdout);
}

int main(void)
{
	char line[LINE];

	make_constants_writable();
	begin();
	while (fgets(line, sizeof(line), stdin))
		run(line);
	return 0;
}
