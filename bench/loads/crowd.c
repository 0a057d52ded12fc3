/*
 * crowd THREADS WAITING: as many threads, of which some want to run whenever a CPU is idle, and the others
 * sleep. Prints `ready` when all are there and before any of them runs; ends with its standard input.
 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <unistd.h>

#include "load.h"

#define STACK_BYTES (64 * 1024)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_are_there = PTHREAD_COND_INITIALIZER;
static bool is_begun;

static void *stay(void *wants_to_run)
{
	pthread_mutex_lock(&lock);
	while (!is_begun)
		pthread_cond_wait(&all_are_there, &lock);
	pthread_mutex_unlock(&lock);
	while (wants_to_run || pause())
		;
	return NULL;
}

int main(int count, char **arguments)
{
	pthread_attr_t small;
	char rest;

	if (count != 3)
		fail("usage: crowd THREADS WAITING");
	int threads = atoi(arguments[1]), waiting = atoi(arguments[2]);
	if (sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){}))
		fail_errno("sched_setscheduler");
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK_BYTES);
	for (int i = 0; i < threads; i++) {
		pthread_t id;

		if (pthread_create(&id, &small, stay, i < waiting ? &small : NULL))
			fail("cannot create a thread");
	}
	printf("ready\n");
	fflush(stdout);
	pthread_mutex_lock(&lock);
	is_begun = true;
	pthread_cond_broadcast(&all_are_there);
	pthread_mutex_unlock(&lock);
	while (read(STDIN_FILENO, &rest, 1) > 0)
		;
	_exit(0);
}
