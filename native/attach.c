#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "feature.h"
#include "link.h"

/* As in the kernel's linux/bpf.h. */
#define UPROBE_MULTI_RETURN 1U

struct link *link_new(const struct bpf_program *program, size_t parts)
{
	struct link *link = calloc(1, sizeof(*link) + parts * sizeof(*link->parts));

	if (link) {
		link->program = program;
		link->fd = -1;
		link->socket = -1;
	}
	return link;
}

void link_free(struct link *link)
{
	if (!link)
		return;
	for (size_t i = 0; i < link->count; i++)
		bpf_link__destroy(link->parts[i]);
	if (link->fd >= 0)
		close(link->fd);
	if (link->socket >= 0) {
		int unused = 0;
		setsockopt(link->socket, SOL_SOCKET, SO_DETACH_BPF, &unused, sizeof(unused));
		close(link->socket);
	}
	free(link);
}

/* `part` is NULL with errno, as libbpf leaves it. */
static struct link *link_of(const struct bpf_program *program, struct bpf_link *part, int *error)
{
	struct link *link;

	*error = part ? 0 : -errno;
	if (!part)
		return NULL;
	link = link_new(program, 1);
	if (!link) {
		bpf_link__destroy(part);
		*error = -ENOMEM;
		return NULL;
	}
	link->parts[link->count++] = part;
	return link;
}

static struct bpf_link *attach_kprobe(const struct bpf_program *program, const struct target *to)
{
	LIBBPF_OPTS(bpf_kprobe_opts, options, .offset = to->offset, .retprobe = to->is_return);

	return bpf_program__attach_kprobe_opts(program, to->name, &options);
}

static struct bpf_link *attach_uprobe(const struct bpf_program *program, const struct target *to)
{
	LIBBPF_OPTS(bpf_uprobe_opts, options, .retprobe = to->is_return, .bpf_cookie = to->cookie,
		    .func_name = *to->name ? to->name : NULL);

	return bpf_program__attach_uprobe_opts(program, to->pid, to->path, to->offset, &options);
}

static struct bpf_link *attach_usdt(const struct bpf_program *program, const struct target *to)
{
	LIBBPF_OPTS(bpf_usdt_opts, options, .usdt_cookie = to->cookie);

	return bpf_program__attach_usdt(program, to->pid, to->path, to->group, to->name, &options);
}

static struct bpf_link *attach_cgroup(const struct bpf_program *program, const struct target *to)
{
	int fd = open(to->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct bpf_link *part = fd < 0 ? NULL : bpf_program__attach_cgroup(program, fd);
	int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	return part;
}

/* As perf_event_open() takes it, which refuses those that no CPU has, but takes -1 for any CPU. */
static int cpu_number(uint64_t number)
{
	return number > INT_MAX ? INT_MAX : (int)number;
}

static int add_perf_event(struct link *link, const struct target *to, int cpu)
{
	struct perf_event_attr event = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(event),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.freq = 1,
		.sample_freq = (uint64_t)to->hz,
	};
	int fd = (int)syscall(SYS_perf_event_open, &event, to->pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	struct bpf_link *part = bpf_program__attach_perf_event(link->program, fd);
	int error = part ? 0 : -errno;
	if (part) /* which owns the descriptor */
		link->parts[link->count++] = part;
	else
		close(fd);
	return error;
}

static struct link *attach_perf_event(const struct bpf_program *program, const struct target *to, int *error)
{
	const struct numbers *cpus = &to->cpus;
	uint32_t count = cpus->count ? cpus->count : 1; /* of a thread on any CPU */
	struct link *link = link_new(program, count);

	*error = link ? 0 : -ENOMEM;
	for (uint32_t i = 0; !*error && i < count; i++) {
		*error = add_perf_event(link, to, cpus->count ? cpu_number(cpus->list[i]) : -1);
		if (*error == -ENODEV && (link->count || i + 1 < count)) /* gone offline meanwhile */
			*error = 0;
	}
	if (!*error)
		return link;
	link_free(link);
	return NULL;
}

static struct link *attach_socket(const struct bpf_program *program, const struct target *to, int *error)
{
	struct link *link = link_new(program, 0);
	int program_fd = bpf_program__fd(program);
	int fd = link ? fcntl((int)to->fd, F_DUPFD_CLOEXEC, 0) : -1;

	*error = !link ? -ENOMEM : fd < 0 ? -errno : 0;
	if (!*error && setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program_fd, sizeof(program_fd)))
		*error = -errno;
	if (!*error) {
		link->socket = fd;
		return link;
	}
	if (fd >= 0)
		close(fd);
	free(link);
	return NULL;
}

/* As BPF_LINK_CREATE takes it from 6.6 on, which libbpf has from 1.3 on. */
struct link_request {
	uint32_t program, target, attach_type, flags;
	union {
		struct {
			uint64_t path, offsets, reference_counters, cookies;
			uint32_t count, flags, pid;
		} uprobe_multi;
		struct {
			uint32_t relative, padding;
			uint64_t revision;
		} tcx;
	};
};

static struct link *create_link(const struct bpf_program *program, struct link_request *request, int *error)
{
	struct link *link = link_new(program, 0);

	*error = link ? 0 : -ENOMEM;
	if (!link)
		return NULL;
	request->program = (uint32_t)bpf_program__fd(program);
	link->fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, request, sizeof(*request));
	if (link->fd >= 0)
		return link;
	*error = -errno;
	free(link);
	return NULL;
}

static struct link *attach_uprobe_multi(const struct bpf_program *program, const struct target *to,
					int *error)
{
	struct link_request request = {
		.attach_type = bpf_program__expected_attach_type(program),
		.uprobe_multi =
			{
				.path = (uintptr_t)to->path,
				.offsets = (uintptr_t)to->offsets.list,
				.cookies = (uintptr_t)to->cookies.list,
				.count = to->offsets.count,
				.flags = to->is_return ? UPROBE_MULTI_RETURN : 0,
				.pid = to->pid < 0 ? 0 : (uint32_t)to->pid, /* 0: all */
			},
	};

	return create_link(program, &request, error);
}

static struct link *attach_tcx(const struct bpf_program *program, const struct target *to, int *error)
{
	struct link_request request = {
		.target = to->ifindex,
		.attach_type = to->is_egress ? ATTACH_TCX_EGRESS : ATTACH_TCX_INGRESS,
	};

	return create_link(program, &request, error);
}

struct link *attach_to(struct bpf_program *program, const struct target *to, int *error)
{
	switch (to->kind) {
	case TARGET_NONE:
		return link_of(program, bpf_program__attach(program), error);
	case TARGET_KPROBE:
		return link_of(program, attach_kprobe(program, to), error);
	case TARGET_TRACEPOINT:
		return link_of(program, bpf_program__attach_tracepoint(program, to->group, to->name), error);
	case TARGET_RAW_TRACEPOINT:
		return link_of(program, bpf_program__attach_raw_tracepoint(program, to->name), error);
	case TARGET_UPROBE:
		return link_of(program, attach_uprobe(program, to), error);
	case TARGET_UPROBE_MULTI:
		return attach_uprobe_multi(program, to, error);
	case TARGET_USDT:
		return link_of(program, attach_usdt(program, to), error);
	case TARGET_PERF_EVENT:
		return attach_perf_event(program, to, error);
	case TARGET_CGROUP:
		return link_of(program, attach_cgroup(program, to), error);
	case TARGET_SOCKET:
		return attach_socket(program, to, error);
	case TARGET_TCX:
		return attach_tcx(program, to, error);
	case TARGET_XDP:
		return link_of(program, bpf_program__attach_xdp(program, (int)to->ifindex), error);
	}
	*error = -EINVAL;
	return NULL;
}
