/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A program is a function of the tracepoint's arguments. */
#ifndef EARSHOT_SHIM_TRACING_H
#define EARSHOT_SHIM_TRACING_H

#define BPF_PROG(name, ...) name(__VA_ARGS__)

#endif
