/*
 * messages SECONDS PAIRS: pairs of processes that pass small messages in one direction through a socket, a
 * sender never waiting for an answer. Prints messages a second.
 */
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"

#define MESSAGE_SIZE 100

static void send_all(int to)
{
	char message[MESSAGE_SIZE] = {0};

	while (write(to, message, sizeof(message)) == sizeof(message))
		;
}

static unsigned long receive(int from, double end)
{
	char message[MESSAGE_SIZE];
	unsigned long messages = 0;

	while (now() < end && read(from, message, sizeof(message)) == sizeof(message))
		messages++;
	return messages;
}

static void start_pair(double end, int results, int unused)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends))
		fail_errno("socketpair");
	pid_t receiver = fork();
	if (receiver == 0) {
		close(ends[1]);
		close(unused);
		unsigned long messages = receive(ends[0], end);
		_exit(write(results, &messages, sizeof(messages)) != sizeof(messages));
	}
	pid_t sender = fork();
	if (sender == 0) {
		close(ends[0]);
		close(unused);
		close(results);
		send_all(ends[1]);
		_exit(0);
	}
	if (receiver < 0 || sender < 0)
		fail_errno("fork");
	close(ends[0]);
	close(ends[1]);
}

int main(int count, char **arguments)
{
	int results[2];
	unsigned long messages = 0, part;

	if (count != 3 || pipe(results))
		fail("usage: messages SECONDS PAIRS");
	/* A sender ends by this signal when its receiver is gone. */
	signal(SIGPIPE, SIG_DFL);
	double seconds = atof(arguments[1]), end = now() + seconds;
	for (int pair = 0; pair < atoi(arguments[2]); pair++)
		start_pair(end, results[1], results[0]);
	close(results[1]);
	while (read(results[0], &part, sizeof(part)) == sizeof(part))
		messages += part;
	while (wait(NULL) > 0)
		;
	printf("%.0f\n", (double)messages / seconds);
	return 0;
}
