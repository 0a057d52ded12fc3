/*
 * spin SECONDS THREADS [RUN_MICROS SLEEP_MICROS]: threads that compute all the time, or in bursts. All end at
 * the same moment, so that THREADS x SECONDS is what they ran and waited together.
 */
#include <pthread.h>
#include <unistd.h>

#include "../../../bench/loads/load.h"

static double end;
static double run_seconds;
static long sleep_nanos;

static void *spin(void *unused)
{
	(void)unused;
	for (double t = now(); t < end;) {
		double stop = run_seconds > 0 && t + run_seconds < end ? t + run_seconds : end;

		while ((t = now()) < stop)
			;
		if (sleep_nanos) {
			struct timespec pause = {.tv_nsec = sleep_nanos};
			nanosleep(&pause, NULL);
		}
	}
	return NULL;
}

int main(int count, char **arguments)
{
	if (count != 3 && count != 5)
		fail("usage: spin SECONDS THREADS [RUN_MICROS SLEEP_MICROS]");
	int threads = atoi(arguments[2]);
	pthread_t *ids = calloc((size_t)threads, sizeof(*ids));

	if (!ids)
		fail_errno("calloc");
	end = now() + atof(arguments[1]);
	if (count == 5) {
		run_seconds = atof(arguments[3]) * 1e-6;
		sleep_nanos = atol(arguments[4]) * 1000;
	}
	for (int i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, spin, NULL))
			fail("cannot create a thread");
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	free(ids);
	return 0;
}
