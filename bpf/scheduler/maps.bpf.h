/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tunables and maps. User space sets every `max_entries` before loading; the figures here are for one CPU. */
#ifndef EARSHOT_MAPS_H
#define EARSHOT_MAPS_H

#include "barrier.bpf.h"
#include "compat.bpf.h"
#include "scheduler.h"
#include "losses.bpf.h"

const volatile u32 slots = 512;		       /* css ids that have cells of their own */
const volatile u32 progress_row = 1;	       /* row of cells and of `cpus` beyond all CPUs */
const volatile u32 histogram_shift = 0;	       /* 2^this neighbouring CPUs share a copy */
const volatile u32 task_sets = 4096;	       /* power of two */
const volatile u32 throttle_sets = 8;	       /* of each CPU; power of two */
const volatile u64 min_wait = 5000000;	       /* a wait this long is an event */
const volatile u32 sample = 0;		       /* one in so many shorter ones is, too; 0: none */
const volatile u64 event_interval = 200000000; /* token bucket of a cell: one event in so many ns, */
const volatile u64 event_burst = 1000000000;   /* and at once what this many ns would give */
const volatile u64 event_room = ~0ULL;	       /* events are refused with more bytes than this in the ring */
const volatile u64 quantum = 0;		       /* a pair is booked in pieces of at least so many ns */
const volatile u64 progress_after = 1000000;   /* a wait this long counts while it goes on */
const volatile u32 recovers_switches = 0;      /* recover switches whose hook was not called */

/* Bound: slots x (CPUs + 1), at [row * slots + css id]. A cell is emptied when its css id goes to another
 * cgroup.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct cell);
} cells SEC(".maps");

/* Bound: slots x copies, at [copy * slots + css id]. Never emptied: user space takes differences. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct histogram);
} histograms SEC(".maps");

/* Bound: one a CPU and one. Written by its CPU; read by another under its run queue's lock, or with a second
 * look. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct cpu);
} cpus SEC(".maps");

/* Bound: `max_pairs`. User space deletes the pairs of removed cgroups. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct pair_key);
	__type(value, struct pair);
} pairs SEC(".maps");

/* Bound: one entry. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct pair_room);
} pair_room SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

/* The compiler may not move a check of `v` behind what it guards, where the verifier would miss it. */
#define keep_check_before(v) asm volatile("" : "+r"(v))

static __always_inline struct cpu *cpu_at(u32 row)
{
	return bpf_map_lookup_elem(&cpus, &row);
}

#endif
