#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

/* Verifier logs reach megabytes; their end, where the refusal stands, is what is kept. */
#define LOG_LIMIT     (1 << 20)
#define LIBBPF_PREFIX "libbpf: "

/* By thread: libbpf has one print function per process, Node.js one environment per worker. */
static _Thread_local struct {
	char *text;
	size_t length;
	size_t size;
} captured;

static bool reserve(size_t more)
{
	if (captured.length + more > LOG_LIMIT) {
		size_t keep = captured.length < LOG_LIMIT / 2 ? captured.length : LOG_LIMIT / 2;
		if (keep)
			memmove(captured.text, captured.text + captured.length - keep, keep);
		captured.length = keep;
	}
	if (captured.length + more <= captured.size)
		return true;
	size_t size = captured.length + more + 4096;
	char *text = realloc(captured.text, size);
	if (!text)
		return false;
	captured.text = text;
	captured.size = size;
	return true;
}

static int capture(enum libbpf_print_level level, const char *format, va_list values)
{
	va_list again;

	if (level == LIBBPF_DEBUG)
		return 0;
	va_copy(again, values);
	int length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length <= 0 || !reserve((size_t)length + 1))
		return 0;
	vsnprintf(captured.text + captured.length, (size_t)length + 1, format, values);
	captured.length += (size_t)length;
	return length;
}

void log_capture(void)
{
	libbpf_set_print(capture);
}

void log_clear(void)
{
	free(captured.text);
	memset(&captured, 0, sizeof(captured));
}

const char *log_text(void)
{
	return captured.text ? captured.text : "";
}

bool log_line(const char *part, char *text, size_t size)
{
	const char *line = log_text();

	while (*line) {
		size_t length = strcspn(line, "\n");
		const char *found = strstr(line, part);
		if (found && found < line + length + 1) {
			size_t prefix = strncmp(line, LIBBPF_PREFIX, strlen(LIBBPF_PREFIX))
						? 0
						: strlen(LIBBPF_PREFIX);
			snprintf(text, size, "%.*s", (int)(length - prefix), line + prefix);
			return true;
		}
		line += length + (line[length] == '\n');
	}
	return false;
}
