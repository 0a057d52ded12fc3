#ifndef EARSHOT_LOAD_H
#define EARSHOT_LOAD_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline _Noreturn void fail(const char *text)
{
	fprintf(stderr, "%s\n", text);
	exit(1);
}

static inline _Noreturn void fail_errno(const char *what)
{
	perror(what);
	exit(1);
}

/* Seconds. */
static inline double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

#endif
