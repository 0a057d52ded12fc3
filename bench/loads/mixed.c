/*
 * mixed SECONDS THREADS [CGROUP]...: some thousand switches a second with cold caches, as on a busy node. In
 * each cgroup THREADS threads compute for a random time, walking memory of their own, and sleep for a random
 * time. A CGROUP is one directory, or several hierarchies' joined by commas. Prints periods of computing a
 * second.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"

#define COMPUTE_MICROS_MAX 600
#define SLEEP_MICROS_MAX   100000
/* All threads together far exceed any last-level cache's share of a CPU. */
#define MEMORY_PER_THREAD (1u << 20)
#define CACHE_LINE	  64
/* Computing this long between two looks at the clock: some microseconds. */
#define LINES_PER_CLOCK_READ 32

struct thread {
	pthread_t id;
	unsigned int seed;
	double end;
	unsigned long periods;
};

static void compute(uint8_t *memory, unsigned int *seed, double seconds)
{
	double end = now() + seconds;

	do {
		for (int i = 0; i < LINES_PER_CLOCK_READ; i++) {
			unsigned int line = (unsigned int)rand_r(seed) % (MEMORY_PER_THREAD / CACHE_LINE);
			memory[line * CACHE_LINE]++;
		}
	} while (now() < end);
}

static void *run(void *argument)
{
	struct thread *thread = argument;
	uint8_t *memory = calloc(1, MEMORY_PER_THREAD);

	if (!memory)
		fail_errno("calloc");
	while (now() < thread->end) {
		compute(memory, &thread->seed, (double)(rand_r(&thread->seed) % COMPUTE_MICROS_MAX) * 1e-6);
		thread->periods++;
		struct timespec pause = {.tv_nsec = (rand_r(&thread->seed) % SLEEP_MICROS_MAX + 1) * 1000L};
		nanosleep(&pause, NULL);
	}
	free(memory);
	return NULL;
}

/* Moves this process into each of the directories, which it tears apart. */
static void enter(char *directories)
{
	char path[4096];

	for (char *rest = directories, *directory; (directory = strsep(&rest, ","));) {
		snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
		int file = open(path, O_WRONLY);
		if (file < 0 || write(file, "0", 1) != 1)
			fail_errno(path);
		close(file);
	}
}

static unsigned long run_threads(int threads, unsigned int seed, double end)
{
	unsigned long periods = 0;
	struct thread *all = calloc((size_t)threads, sizeof(*all));

	if (!all)
		fail_errno("calloc");
	for (int i = 0; i < threads; i++) {
		all[i].seed = seed + (unsigned int)i;
		all[i].end = end;
		if (pthread_create(&all[i].id, NULL, run, &all[i]))
			fail("cannot create a thread");
	}
	for (int i = 0; i < threads; i++) {
		pthread_join(all[i].id, NULL);
		periods += all[i].periods;
	}
	free(all);
	return periods;
}

int main(int count, char **arguments)
{
	int results[2];
	unsigned long periods = 0, part;

	if (count < 3 || pipe(results))
		fail("usage: mixed SECONDS THREADS [CGROUP]...");
	double seconds = atof(arguments[1]), end = now() + seconds;
	int threads = atoi(arguments[2]), groups = count > 3 ? count - 3 : 1;
	for (int group = 0; group < groups; group++) {
		pid_t child = fork();
		if (child < 0)
			fail_errno("fork");
		if (child)
			continue;
		if (count > 3)
			enter(arguments[3 + group]);
		part = run_threads(threads, 1000u * (unsigned int)(group + 1), end);
		return write(results[1], &part, sizeof(part)) != sizeof(part);
	}
	close(results[1]);
	int finished = 0;
	for (; read(results[0], &part, sizeof(part)) == sizeof(part); finished++)
		periods += part;
	while (wait(NULL) > 0)
		;
	if (finished != groups)
		fail("a part of the load has failed");
	printf("%.0f\n", (double)periods / seconds);
	return 0;
}
