/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What one CPU writes and another one reads without a lock. x86-64 shows stores in their order and loads in
 * theirs: there the compiler alone has to be kept from moving them. Elsewhere an atomic operation that
 * returns a value is a full barrier (BPF_FETCH: 5.12, on arm64 5.18), and it costs some 10 ns.
 */
#ifndef EARSHOT_BARRIER_H
#define EARSHOT_BARRIER_H

#include "vmlinux.h"

/* On x86-64 a load may still pass an earlier store to another place. */
static __always_inline void keep_order(void)
{
#ifdef __TARGET_ARCH_x86
	asm volatile("" : : : "memory");
#else
	u64 word = 0, before = __sync_fetch_and_add(&word, 1);

	asm volatile("" : : "r"(before) : "memory");
#endif
}

#endif
