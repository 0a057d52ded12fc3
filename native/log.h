#ifndef EARSHOT_LOG_H
#define EARSHOT_LOG_H

#include <stdbool.h>
#include <stddef.h>

/* Messages of libbpf and the verifier during the present call, kept off standard error. */
void log_capture(void);
void log_clear(void);
const char *log_text(void);
/* Copies the first line that contains `part`, without libbpf's prefix; false when there is none. */
bool log_line(const char *part, char *text, size_t size);

#endif
