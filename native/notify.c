#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "addon.h"
#include "call.h"

/* The service manager reads some KiB at a time. */
#define MESSAGE_SIZE 4096

/* One datagram to a unix socket: Node.js has none of them. Never waits. */
napi_value datagram_send(napi_env env, napi_callback_info info)
{
	struct call call;
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	char path[sizeof(to.sun_path)], message[MESSAGE_SIZE];

	if (!call_begin(&call, env, info, "send a datagram to", 2) ||
	    !string_argument(&call, call.arguments[0], "path", path, sizeof(path)) ||
	    !string_argument(&call, call.arguments[1], "message", message, sizeof(message)))
		return NULL;
	size_t length = strlen(path);
	memcpy(to.sun_path, path, length);
	if (path[0] == '@') /* an abstract one, which has a zero in the place of the sign */
		to.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		call_fail(&call, errno, path, NULL);
		return NULL;
	}
	ssize_t sent = sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&to,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
	int error = errno;
	close(fd);
	if (sent < 0)
		call_fail(&call, error, path, NULL);
	return NULL;
}
