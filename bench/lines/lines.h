/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which cache lines the programs touch, and which of them travel between CPUs. */
#ifndef EARSHOT_LINES_H
#define EARSHOT_LINES_H

#include <stdbool.h>
#include <stddef.h>

#define LINE_BYTES 64
#define MAX_CPUS   256

/* Memory whose lines are followed one by one: a map, or what the kernel keeps beside it. */
unsigned int lines_map(const char *name, const void *start, size_t bytes);

/* A member of a kernel struct, by its place on the kernel's own cache lines. */
struct kernel_field {
	const char *type, *name;
	size_t offset, size;  /* here, where structs are those of bpf/lib/vmlinux.h */
	size_t count, stride; /* of an array of structs; 1 and anything of a single one */
	unsigned int line;    /* of the kernel's struct */
	bool is_touched;      /* by the kernel itself in the same switch */
};

/* `count` objects, `stride` apart, of which `fields` are known, the last one without a name; reading another
 * one is an error. */
void lines_kernel(const void *start, size_t stride, size_t count, const struct kernel_field *fields);

/* What follows until lines_end() are the accesses of one run of a program. */
void lines_begin(unsigned int cpu, unsigned int event);
void lines_end(void);
/* An access that no compiled instruction makes: a helper's. */
void lines_access(const void *at, size_t bytes, bool is_write);

/* CPUs that share their last-level cache: so many neighbours. */
void lines_share_cache(unsigned int cpus);
/* Counts begin anew, the state of the lines stays. */
void lines_reset(void);
void lines_print(const char *const *events, unsigned int count);

#endif
