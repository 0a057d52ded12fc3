/*
 * spin SECONDS THREADS [RUN_MICROS SLEEP_MICROS]: threads that compute all the time, or in bursts. Prints the
 * seconds from their creation to their end, summed up: what they ran, waited and slept together. The first
 * thread is one of them: with one there is nobody else in the process who could wait.
 */
#include <pthread.h>
#include <unistd.h>

#include "../../../bench/loads/load.h"

static double end;
static double run_seconds;
static long sleep_nanos;

/* From the time at `created` to the thread's end, which replaces it. */
static void *spin(void *created)
{
	double *lifetime = created;

	for (double t = now(); t < end;) {
		double stop = run_seconds > 0 && t + run_seconds < end ? t + run_seconds : end;

		while ((t = now()) < stop)
			;
		if (sleep_nanos) {
			struct timespec pause = {.tv_nsec = sleep_nanos};
			nanosleep(&pause, NULL);
		}
	}
	*lifetime = now() - *lifetime;
	return NULL;
}

int main(int count, char **arguments)
{
	if (count != 3 && count != 5)
		fail("usage: spin SECONDS THREADS [RUN_MICROS SLEEP_MICROS]");
	int threads = atoi(arguments[2]);
	pthread_t *ids = calloc((size_t)threads, sizeof(*ids));
	double *lifetimes = calloc((size_t)threads, sizeof(*lifetimes)), sum = 0;

	if (!ids || !lifetimes)
		fail_errno("calloc");
	end = now() + atof(arguments[1]);
	if (count == 5) {
		run_seconds = atof(arguments[3]) * 1e-6;
		sleep_nanos = atol(arguments[4]) * 1000;
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
