/*
 * chase BYTES [SECONDS]: follows pointers through so many bytes, one on each cache line, in an order that no
 * prefetcher guesses. Prints ns a step: what it costs to touch a line that is no nearer than where that much
 * memory has room.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "load.h"

#define LINE  64
#define STEPS 65536

struct line {
	struct line *next;
	char pad[LINE - sizeof(struct line *)];
};

static uint64_t roll(uint64_t *dice, uint64_t sides)
{
	*dice ^= *dice << 13;
	*dice ^= *dice >> 7;
	*dice ^= *dice << 17;
	return (*dice >> 32) * sides >> 32;
}

/* One cycle through all lines (Sattolo). */
static struct line *link_lines(struct line *lines, uint64_t count)
{
	uint64_t dice = 88172645463325252ULL, *order = malloc(count * sizeof(*order));

	if (!order)
		fail_errno("malloc");
	for (uint64_t i = 0; i < count; i++)
		order[i] = i;
	for (uint64_t i = count - 1; i > 0; i--) {
		uint64_t other = roll(&dice, i), kept = order[i];

		order[i] = order[other];
		order[other] = kept;
	}
	for (uint64_t i = 0; i < count; i++)
		lines[order[i]].next = &lines[order[(i + 1) % count]];
	free(order);
	return lines;
}

int main(int count, char **arguments)
{
	if (count != 2 && count != 3)
		fail("usage: chase BYTES [SECONDS]");
	uint64_t lines = strtoull(arguments[1], NULL, 10) / LINE;
	double seconds = count == 3 ? atof(arguments[2]) : 0.5;
	struct line *memory =
		mmap(NULL, lines * LINE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (lines < 2 || memory == MAP_FAILED)
		fail_errno("mmap");
	madvise(memory, lines * LINE, MADV_HUGEPAGE); /* the cost of the line, not of its page */
	struct line *volatile at = link_lines(memory, lines);
	double best = 1e9;
	for (double end = now() + seconds; now() < end;) {
		struct line *step = at;
		double start = now();

		for (int i = 0; i < STEPS; i++)
			step = step->next;
		double each = (now() - start) * 1e9 / STEPS;
		at = step;
		if (each < best)
			best = each;
	}
	printf("%.2f\n", best); /* the least disturbed */
	return 0;
}
