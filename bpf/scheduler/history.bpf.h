/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which cgroups had each CPU, as far back as waits last: the last slices exactly (`cpu.ring`); what falls out
 * of the ring is folded into epochs of FINE_SPAN and somewhat more, and those into epochs of COARSE_SPAN. An
 * epoch keeps the time of each cgroup that ran in it. It ends early when it has no room for one more: so no
 * cgroup is left unnamed where many take turns. Only where so many are so quick that the history would not
 * reach back far enough, its last share stands for several. A wait is walked backwards over all three; only
 * the epoch in which it began is prorated (walk.bpf.h).
 */
#ifndef EARSHOT_HISTORY_H
#define EARSHOT_HISTORY_H

#include "maps.bpf.h"

#define FINE_SPAN     4000000ULL
#define COARSE_SPAN   (64 * FINE_SPAN)
#define FINE_EPOCHS   64
#define COARSE_EPOCHS 32
#define FINE_SHARES   12
#define COARSE_SHARES 44

/* Serial numbers of csses in 32 bits; `high` of an epoch has the upper ones. */
#define SHORT_KERNEL	     0xffffffffu
#define SHORT_OVERFLOW	     0xfffffffeu
#define SHORT_UNNAMED_SHARED 0xfffffffdu /* several together */

/* Time of all of an epoch's slices that one cgroup had; WHOLE: more than 4 s. */
struct share {
	u32 serial;
	u32 ns;
};

#define WHOLE 0xffffffffu

struct epoch {
	u64 start, end;
	u64 stolen;
	u32 shares; /* in use */
	u32 high;   /* of the serial numbers */
};

struct fine_epoch {
	struct epoch epoch;
	struct share share[FINE_SHARES];
};

struct coarse_epoch {
	struct epoch epoch;
	struct share share[COARSE_SHARES];
};

_Static_assert(sizeof(struct fine_epoch) == 128, "two cache lines");
_Static_assert(sizeof(struct coarse_epoch) == 384, "six cache lines");

struct history {
	struct fine_epoch fine[FINE_EPOCHS];
	struct coarse_epoch coarse[COARSE_EPOCHS];
};

/* Bound: one a CPU, 20 KiB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct history);
} histories SEC(".maps");

static __always_inline u32 shorten(u64 serial)
{
	return serial == SERIAL_KERNEL	   ? SHORT_KERNEL
	       : serial == SERIAL_OVERFLOW ? SHORT_OVERFLOW
					   : (u32)serial;
}

static __always_inline u64 lengthen(u32 serial, u32 high)
{
	if (serial == SERIAL_IDLE)
		return SERIAL_IDLE;
	if (serial == SHORT_KERNEL)
		return SERIAL_KERNEL;
	if (serial == SHORT_OVERFLOW)
		return SERIAL_OVERFLOW;
	return (u64)high << 32 | serial;
}

static __always_inline struct occupant *slice(struct cpu *cpu, u32 index)
{
	return &cpu->ring[index & (RING_SLICES - 1)];
}

static __always_inline void begin_epoch(struct epoch *epoch, u64 start)
{
	epoch->start = start;
	epoch->end = 0;
	epoch->stolen = 0;
	epoch->shares = 0;
	epoch->high = 0;
}

/* A full one may be shorter, but not so short that all of them together cover no long waits. */
static __always_inline bool is_over(struct epoch *epoch, u64 span, bool is_full)
{
	u64 so_far = epoch->end - epoch->start;

	return !epoch->end || so_far >= span || (is_full && so_far >= span / 4);
}

static __always_inline void share_add(struct share *share, u64 ns)
{
	ns += share->ns;
	share->ns = ns < WHOLE ? ns : WHOLE;
}

/* Adds a share of a fine epoch to the newest coarse one. */
__noinline int fold_share(u32 cpu_id, u32 newest, u32 serial, u32 ns)
{
	struct history *history = bpf_map_lookup_elem(&histories, &cpu_id);
	struct coarse_epoch *into;

	if (!history)
		return 0;
	into = &history->coarse[newest & (COARSE_EPOCHS - 1)];
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < COARSE_SHARES; i++) {
		struct share *share = &into->share[i];

		if (i >= into->epoch.shares) {
			share->serial = serial;
			share->ns = 0;
			into->epoch.shares = i + 1;
		} else if (share->serial != serial) {
			if (i < COARSE_SHARES - 1)
				continue;
			share->serial = SHORT_UNNAMED_SHARED;
		}
		share_add(share, ns);
		break;
	}
	return 0;
}

/* The oldest fine epoch, about to be overwritten, goes into the newest coarse one. */
__noinline int fold_epoch(u32 cpu_id, u32 oldest)
{
	struct history *history = bpf_map_lookup_elem(&histories, &cpu_id);
	struct cpu *cpu = cpu_at(cpu_id);
	struct fine_epoch *from;
	struct epoch *into;
	u32 newest;

	if (!history || !cpu)
		return 0;
	from = &history->fine[oldest & (FINE_EPOCHS - 1)];
	if (!from->epoch.end)
		return 0;
	newest = cpu->newest_coarse & (COARSE_EPOCHS - 1);
	into = &history->coarse[newest].epoch;
	if (is_over(into, COARSE_SPAN, into->shares + from->epoch.shares > COARSE_SHARES)) {
		newest = (newest + 1) & (COARSE_EPOCHS - 1);
		into = &history->coarse[newest].epoch;
		begin_epoch(into, from->epoch.start);
		cpu->newest_coarse = newest;
	}
	into->end = from->epoch.end;
	into->stolen += from->epoch.stolen;
	into->high |= from->epoch.high;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < FINE_SHARES; i++) {
		if (i >= from->epoch.shares)
			break;
		fold_share(cpu_id, newest, from->share[i].serial, from->share[i].ns);
	}
	return 0;
}

/* The oldest slice of the ring, about to be overwritten, goes into the newest fine epoch. */
__noinline int fold_slice(u32 cpu_id)
{
	struct cpu *cpu = cpu_at(cpu_id);
	struct history *history = bpf_map_lookup_elem(&histories, &cpu_id);
	struct occupant *before, *oldest;
	struct fine_epoch *into;
	u64 start, ns, stolen;
	u32 newest, serial, i;

	if (!history || !cpu)
		return 0;
	before = slice(cpu, cpu->head + 1);
	oldest = slice(cpu, cpu->head + 2);
	start = before->end;
	if (!start || oldest->end <= start)
		return 0;
	serial = shorten(oldest->serial);
	newest = cpu->newest_fine & (FINE_EPOCHS - 1);
	into = &history->fine[newest];
#pragma clang loop unroll(disable)
	for (i = 0; i < FINE_SHARES; i++)
		if (i >= into->epoch.shares || into->share[i].serial == serial)
			break;
	if (is_over(&into->epoch, FINE_SPAN, i >= FINE_SHARES)) {
		newest = (newest + 1) & (FINE_EPOCHS - 1);
		fold_epoch(cpu_id, newest);
		into = &history->fine[newest];
		begin_epoch(&into->epoch, start);
		cpu->newest_fine = newest;
		i = 0;
	}
	if (i >= FINE_SHARES) {
		i = FINE_SHARES - 1;
		serial = SHORT_UNNAMED_SHARED;
		into->share[i].serial = serial;
	}
	into->epoch.end = oldest->end;
	if (serial < SHORT_UNNAMED_SHARED)
		into->epoch.high = oldest->serial >> 32;
	ns = oldest->end - start;
	stolen = oldest->stolen - before->stolen;
	if (stolen > ns)
		stolen = ns;
	into->epoch.stolen += stolen;
	if (i >= into->epoch.shares) {
		into->share[i].serial = serial;
		into->share[i].ns = 0;
		into->epoch.shares = i + 1;
	}
	share_add(&into->share[i], ns - stolen);
	return 0;
}

#endif
