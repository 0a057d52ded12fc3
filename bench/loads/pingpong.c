/*
 * pingpong SECONDS CPU [WORK_MICROS]: two processes pinned to one CPU hand a byte to each other over pipes,
 * so that nearly all the machine does is switch: the worst case for a tracer of switches. With WORK_MICROS
 * each computes so long before it answers. Prints round trips a second.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

/* Reads of the clock would be a good part of a round trip. */
#define TRIPS_PER_CLOCK_READ 256

static double work_seconds;

static void work(void)
{
	if (work_seconds > 0)
		for (double end = now() + work_seconds; now() < end;)
			;
}

static void answer(int from, int to)
{
	char byte;

	while (read(from, &byte, 1) == 1) {
		work();
		if (write(to, &byte, 1) != 1)
			break;
	}
}

int main(int count, char **arguments)
{
	char byte = 0;
	int there[2], back[2];
	unsigned long trips = 0;

	if (count != 3 && count != 4)
		fail("usage: pingpong SECONDS CPU [WORK_MICROS]");
	if (count == 4)
		work_seconds = atof(arguments[3]) * 1e-6;
	double seconds = atof(arguments[1]);
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET(atoi(arguments[2]), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) || pipe(there) || pipe(back))
		fail_errno("pingpong");
	pid_t partner = fork();
	if (partner < 0)
		fail_errno("fork");
	if (partner == 0) {
		close(there[1]);
		answer(there[0], back[1]);
		return 0;
	}
	close(there[0]);
	double start = now(), end = start + seconds, at = start;
	while (trips % TRIPS_PER_CLOCK_READ || (at = now()) < end) {
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			fail_errno("pingpong");
		work();
		trips++;
	}
	printf("%.0f\n", (double)trips / (at - start));
	return 0;
}
