/*
 * spin SECONDS THREADS [RUN_MICROS SLEEP_MICROS [PRIORITY]]: threads that compute all the time, or in bursts,
 * with a priority in real time. Prints the seconds from their creation to their end, summed up: what they
 * ran, waited and slept together. The first thread is one of them: with one no other thread of the process
 * can wait. SIGTERM ends them before that time.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "../../../bench/loads/load.h"

static double end;
static double run_seconds;
static long sleep_nanos;
static volatile sig_atomic_t is_told_to_end;

static void on_signal(int number)
{
	(void)number;
	is_told_to_end = 1;
}

/* From the time at `created` to the thread's end, which replaces it. */
static void *spin(void *created)
{
	double *lifetime = created;

	for (double t = now(); t < end && !is_told_to_end;) {
		double stop = run_seconds > 0 && t + run_seconds < end ? t + run_seconds : end;

		while ((t = now()) < stop && !is_told_to_end)
			;
		if (sleep_nanos) {
			struct timespec pause = {.tv_nsec = sleep_nanos};
			nanosleep(&pause, NULL);
			t = now();
		}
	}
	*lifetime = now() - *lifetime;
	return NULL;
}

int main(int count, char **arguments)
{
	if (count != 3 && count != 5 && count != 6)
		fail("usage: spin SECONDS THREADS [RUN_MICROS SLEEP_MICROS [PRIORITY]]");
	int threads = atoi(arguments[2]);
	pthread_t *ids = calloc((size_t)threads, sizeof(*ids));
	double *lifetimes = calloc((size_t)threads, sizeof(*lifetimes)), sum = 0;

	if (!ids || !lifetimes)
		fail_errno("calloc");
	signal(SIGTERM, on_signal);
	end = now() + atof(arguments[1]);
	if (count >= 5) {
		run_seconds = atof(arguments[3]) * 1e-6;
		sleep_nanos = atol(arguments[4]) * 1000;
	}
	if (count == 6) {
		struct sched_param priority = {.sched_priority = atoi(arguments[5])};

		if (sched_setscheduler(0, SCHED_FIFO, &priority)) /* inherited by threads */
			fail_errno("sched_setscheduler");
	}
	lifetimes[0] = now();
	for (int i = 1; i < threads; i++) {
		lifetimes[i] = now();
		if (pthread_create(&ids[i], NULL, spin, &lifetimes[i]))
			fail("cannot create a thread");
	}
	spin(&lifetimes[0]);
	for (int i = 1; i < threads; i++)
		pthread_join(ids[i], NULL);
	for (int i = 0; i < threads; i++)
		sum += lifetimes[i];
	printf("%.9f\n", sum);
	free(lifetimes);
	free(ids);
	return 0;
}
