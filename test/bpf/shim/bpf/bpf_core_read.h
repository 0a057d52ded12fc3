/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Relocations there is nothing to relocate for: types are those of bpf/lib/vmlinux.h, and which of their
 * members the kernel has is the driver's choice. */
#ifndef EARSHOT_SHIM_CORE_READ_H
#define EARSHOT_SHIM_CORE_READ_H

/* `p->member`, `p->a.member` or `struct type, member`. */
_Bool shim_kernel_has(const char *field);

#define bpf_core_field_exists(...)		shim_kernel_has(#__VA_ARGS__)
#define bpf_core_field_offset(type, member)	__builtin_offsetof(type, member)
#define bpf_core_enum_value(type, value)	(value)
#define bpf_core_enum_value_exists(type, value) 1

/* `BPF_CORE_READ(p, a.b, c)` is `p->a.b->c`. */
#define FOLLOW_1(from, a)			  ((from)->a)
#define FOLLOW_2(from, a, b)			  ((from)->a->b)
#define FOLLOW_3(from, a, b, c)			  ((from)->a->b->c)
#define FOLLOW_BY(_1, _2, _3, how, ...)		  how
#define BPF_CORE_READ(from, ...)		  FOLLOW_BY(__VA_ARGS__, FOLLOW_3, FOLLOW_2, FOLLOW_1)(from, __VA_ARGS__)
#define BPF_CORE_READ_BITFIELD_PROBED(from, name) ((from)->name)

#endif
