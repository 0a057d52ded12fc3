/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Relocations there is nothing to relocate for: types are those of bpf/vmlinux.h, and which of their members
 * the kernel has is the driver's choice. */
#ifndef EARSHOT_SHIM_CORE_READ_H
#define EARSHOT_SHIM_CORE_READ_H

/* `p->member`, `p->a.member` or `struct type, member`. */
_Bool shim_kernel_has(const char *field);

#define bpf_core_field_exists(...)	   shim_kernel_has(#__VA_ARGS__)
#define bpf_core_enum_value(type, value)   (value)
#define BPF_CORE_READ_BITFIELD(from, name) ((from)->name)

#endif
