// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a compiler calls before each access to memory with -fsanitize=thread, here without that sanitizer. */
#include "lines.h"
#include <string.h>

#define ACCESS(bytes)                                                                                        \
	void __tsan_read##bytes(void *at)                                                                    \
	{                                                                                                    \
		lines_access(at, bytes, false);                                                              \
	}                                                                                                    \
	void __tsan_write##bytes(void *at)                                                                   \
	{                                                                                                    \
		lines_access(at, bytes, true);                                                               \
	}                                                                                                    \
	void __tsan_unaligned_read##bytes(void *at)                                                          \
	{                                                                                                    \
		lines_access(at, bytes, false);                                                              \
	}                                                                                                    \
	void __tsan_unaligned_write##bytes(void *at)                                                         \
	{                                                                                                    \
		lines_access(at, bytes, true);                                                               \
	}

ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)

void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller)
{
	(void)caller;
}

void __tsan_func_exit(void)
{
}

void __tsan_read_range(void *at, unsigned long bytes)
{
	lines_access(at, bytes, false);
}

void __tsan_write_range(void *at, unsigned long bytes)
{
	lines_access(at, bytes, true);
}

void *__tsan_memset(void *at, int value, unsigned long bytes)
{
	lines_access(at, bytes, true);
	return memset(at, value, bytes);
}

void *__tsan_memcpy(void *to, const void *from, unsigned long bytes)
{
	lines_access(from, bytes, false);
	lines_access(to, bytes, true);
	return memcpy(to, from, bytes);
}

#define ADD(bits, type)                                                                                      \
	type __tsan_atomic##bits##_fetch_add(volatile type *at, type value, int order)                       \
	{                                                                                                    \
		type before = *at;                                                                           \
                                                                                                             \
		(void)order;                                                                                 \
		lines_access((const void *)at, sizeof(type), true);                                          \
		*at += value;                                                                                \
		return before;                                                                               \
	}

ADD(32, unsigned int)
ADD(64, unsigned long long)
