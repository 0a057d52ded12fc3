/*
 * ring_consumer MAP: waits for the events of the ring buffer map of this name and counts them, as a program
 * that is woken for its events does. Prints `ready` at the start and the count after standard input has
 * ended.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "load.h"

static int open_map(const char *name)
{
	__u32 id = 0;

	while (!bpf_map_get_next_id(id, &id)) {
		struct bpf_map_info info = {};
		__u32 size = sizeof(info);
		int map = bpf_map_get_fd_by_id(id);
		if (map < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(map, &info, &size) &&
		    !strncmp(info.name, name, sizeof(info.name) - 1))
			return map;
		close(map);
	}
	fail("no ring buffer map of this name");
}

static int on_event(void *context, void *event, size_t size)
{
	(void)event;
	(void)size;
	++*(unsigned long *)context;
	return 0;
}

int main(int count, char **arguments)
{
	unsigned long events = 0;

	if (count != 2)
		fail("usage: ring_consumer MAP");
	struct ring_buffer *ring = ring_buffer__new(open_map(arguments[1]), on_event, &events, NULL);
	if (!ring)
		fail_errno("ring_buffer__new");
	printf("ready\n");
	fflush(stdout);
	struct pollfd waits[] = {
		{.fd = ring_buffer__epoll_fd(ring), .events = POLLIN},
		{.fd = STDIN_FILENO, .events = POLLIN},
	};
	while (poll(waits, 2, -1) >= 0 && !waits[1].revents)
		ring_buffer__poll(ring, 0);
	printf("%lu\n", events);
	return 0;
}
