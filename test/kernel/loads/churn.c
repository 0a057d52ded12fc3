/*
 * churn COUNT SECONDS WORKERS DIRECTORY [ACCOUNTING]: makes and removes COUNT cgroups below DIRECTORY, evenly
 * over SECONDS, as many at a time as there are workers. A task runs in each, for a time of its own.
 * ACCOUNTING is the same directory in the hierarchy that has cpuacct, if that is another one.
 *
 * Prints for each cgroup its id, and what the kernel accounted to it: CPU time, waiting time (both ns) and
 * how often its task got a CPU; and its name, a number.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../bench/loads/load.h"

#define BURSTS 3

struct statistics {
	unsigned long long run, wait, switches;
};

static unsigned long long read_number(const char *directory, const char *file, const char *label)
{
	unsigned long long number = 0;
	char path[512], text[4096];
	int size, fd;

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	fd = open(path, O_RDONLY);
	if (fd < 0 || (size = read(fd, text, sizeof(text) - 1)) < 0)
		fail_errno(path);
	close(fd);
	text[size] = 0;
	char *at = label ? strstr(text, label) : text;
	if (!at || sscanf(at + (label ? strlen(label) : 0), "%llu", &number) != 1)
		fail(path);
	return number;
}

static struct statistics statistics_of(pid_t pid)
{
	struct statistics s;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	FILE *file = fopen(path, "r");
	if (!file || fscanf(file, "%llu %llu %llu", &s.run, &s.wait, &s.switches) != 3)
		fail_errno(path);
	fclose(file);
	return s;
}

static void enter(const char *directory, pid_t pid)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
	FILE *file = fopen(path, "w");
	if (!file || fprintf(file, "%d", pid) < 0 || fclose(file))
		fail_errno(path);
}

/* A task that has stopped may still be on its last steps to that. */
static void await_switched_out(pid_t pid)
{
	char path[64], text[16];

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	for (;;) {
		FILE *file = fopen(path, "r");

		if (!file || !fgets(text, sizeof(text), file))
			fail_errno(path);
		fclose(file);
		if (strncmp(text, "running", 7))
			return;
		usleep(100);
	}
}

/* Busy for a moment after its last task has ended. */
static void remove_cgroup(const char *directory)
{
	for (int attempt = 0; rmdir(directory); attempt++) {
		if (errno != EBUSY || attempt == 1000)
			fail_errno(directory);
		usleep(1000);
	}
}

static double cpu_seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* No two neighbours compute for the same time, so that it shows if one gets the other's. */
static double work_of(int index)
{
	return 200e-6 + (double)(index * 7919 % 2801) * 1e-6;
}

static _Noreturn void work(int index)
{
	raise(SIGSTOP); /* until it is where it belongs */
	for (int burst = 0; burst < BURSTS; burst++) {
		double end = cpu_seconds() + work_of(index) / BURSTS;

		while (cpu_seconds() < end)
			;
		usleep(300);
	}
	_exit(0);
}

static void live(int index, const char *directory, const char *accounting)
{
	struct stat status;
	siginfo_t info;

	if (mkdir(directory, 0755) || stat(directory, &status))
		fail_errno(directory);
	if (accounting && mkdir(accounting, 0755))
		fail_errno(accounting);
	pid_t pid = fork();
	if (pid == 0)
		work(index);
	if (pid < 0 || waitid(P_PID, pid, &info, WSTOPPED))
		fail_errno("fork");
	await_switched_out(pid);
	enter(directory, pid);
	if (accounting)
		enter(accounting, pid);
	struct statistics before = statistics_of(pid);
	if (kill(pid, SIGCONT) || waitid(P_PID, pid, &info, WEXITED | WNOWAIT))
		fail_errno("wait");
	struct statistics after = statistics_of(pid);
	waitpid(pid, NULL, 0);
	usleep(1000); /* its last steps, on another CPU, are accounted when it leaves that */
	unsigned long long ran = accounting ? read_number(accounting, "cpuacct.usage", NULL)
					    : read_number(directory, "cpu.stat", "usage_usec ") * 1000;
	remove_cgroup(directory);
	if (accounting)
		remove_cgroup(accounting);
	printf("%lu %llu %llu %llu %d\n", (unsigned long)status.st_ino, ran, after.wait - before.wait,
	       after.switches - before.switches, index);
	fflush(stdout);
}

int main(int count, char **arguments)
{
	char directory[400], accounting[400];
	int status, failed = 0;

	if (count != 5 && count != 6)
		fail("usage: churn COUNT SECONDS WORKERS DIRECTORY [ACCOUNTING]");
	int cgroups = atoi(arguments[1]), workers = atoi(arguments[3]);
	double seconds = atof(arguments[2]), start = now();
	bool has_accounting = count == 6;
	for (int worker = 0; worker < workers; worker++) {
		pid_t pid = fork();

		if (pid < 0)
			fail_errno("fork");
		if (pid)
			continue;
		for (int index = worker; index < cgroups; index += workers) {
			double early = start + seconds * index / cgroups - now();

			if (early > 0)
				usleep((useconds_t)(early * 1e6));
			snprintf(directory, sizeof(directory), "%s/%d", arguments[4], index);
			if (has_accounting)
				snprintf(accounting, sizeof(accounting), "%s/%d", arguments[5], index);
			live(index, directory, has_accounting ? accounting : NULL);
		}
		_exit(0);
	}
	while (wait(&status) > 0)
		failed |= status;
	return failed ? 1 : 0;
}
