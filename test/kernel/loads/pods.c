/*
 * pods PODS SECONDS THREADS RUN_MICROS PERIOD_MICROS NEIGHBORS: for each line of standard input, the files
 * through which a process enters a cgroup, a process there with so many threads. Each thread computes for a
 * moment once a period, all threads of so many neighboring processes at the same time and on the same CPU,
 * and sleeps otherwise. Prints `ready` when all threads are there. Ends after that time, on SIGTERM, or with
 * its parent, and its processes with it.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../bench/loads/load.h"

#define STACK_BYTES (64 * 1024)

struct plan {
	double begin, end, run, period;
	int threads;
};

static struct plan plan;
static double phase;
static int pods;
static pid_t *children;
static volatile sig_atomic_t is_ending;

static void end_all(int number)
{
	(void)number;
	is_ending = 1;
	for (int i = 0; i < pods; i++)
		if (children[i] > 0)
			kill(children[i], SIGKILL);
}

static void sleep_until(double time)
{
	struct timespec at = {.tv_sec = (time_t)time, .tv_nsec = (long)((time - (double)(time_t)time) * 1e9)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL))
		;
}

static void *compute(void *unused)
{
	(void)unused;
	for (double at = plan.begin + phase; at < plan.end; at += plan.period) {
		sleep_until(at);
		for (double stop = now() + plan.run; now() < stop;)
			;
	}
	return NULL;
}

static void enter(char *files)
{
	for (char *file = strtok(files, " \n"); file; file = strtok(NULL, " \n")) {
		FILE *procs = fopen(file, "we");

		if (!procs || fprintf(procs, "%d\n", getpid()) < 0 || fclose(procs))
			fail_errno(file);
	}
}

static void run_pod(char *files, int cpu, int ready, pid_t parent)
{
	pthread_attr_t small;
	cpu_set_t cpus;

	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	enter(files);
	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		fail_errno("sched_setaffinity");
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK_BYTES);
	for (int i = 1; i < plan.threads; i++) {
		pthread_t id;

		if (pthread_create(&id, &small, compute, NULL))
			fail("cannot create a thread");
	}
	if (write(ready, "", 1) != 1)
		fail_errno("write");
	close(ready);
	compute(NULL);
	_exit(0);
}

int main(int count, char **arguments)
{
	char files[2048], byte;
	int ready[2];

	if (count != 7)
		fail("usage: pods PODS SECONDS THREADS RUN_MICROS PERIOD_MICROS NEIGHBORS");
	int neighbors = atoi(arguments[6]), cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	pid_t parent = getpid();

	pods = atoi(arguments[1]);
	children = calloc((size_t)pods, sizeof(*children));
	if (!children)
		fail_errno("calloc");
	plan.threads = atoi(arguments[3]);
	plan.run = atof(arguments[4]) * 1e-6;
	plan.period = atof(arguments[5]) * 1e-6;
	plan.begin = now();
	plan.end = plan.begin + atof(arguments[2]);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGTERM, end_all);
	if (pipe(ready))
		fail_errno("pipe");
	for (int i = 0; i < pods && fgets(files, sizeof(files), stdin); i++) {
		int group = i / neighbors;

		phase = plan.period * group * neighbors / pods;
		pid_t child = fork();
		if (child < 0)
			fail_errno("fork");
		if (!child)
			run_pod(files, group % cpus, ready[1], parent);
		children[i] = child;
	}
	close(ready[1]);
	for (int i = 0; i < pods && !is_ending; i++)
		if (read(ready[0], &byte, 1) != 1)
			fail("a process has ended");
	printf("ready\n");
	fflush(stdout);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	return 0;
}
