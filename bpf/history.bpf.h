/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who had each CPU, as far back as waits last: the last slices exactly (`cpu.ring`); what falls out of the
 * ring is folded into epochs of at least FINE_SPAN, and those into epochs of at least COARSE_SPAN. An epoch
 * keeps the time of up to SHARES cgroups by name and the rest as a sum. A wait is walked backwards over all
 * three; only the epoch in which it began is prorated.
 */
#ifndef EARSHOT_HISTORY_H
#define EARSHOT_HISTORY_H

#include "maps.bpf.h"

#define FINE_SPAN     8000000ULL
#define COARSE_SPAN   (16 * FINE_SPAN)
#define FINE_EPOCHS   128
#define COARSE_EPOCHS 64
#define SHARES	      6

struct share {
	u64 who;
	u64 ns;
};

struct epoch {
	u64 start, end;
	u64 unnamed;
	u64 stolen;
	struct share share[SHARES];
};

_Static_assert(sizeof(struct epoch) == 128, "two cache lines");

struct history {
	struct epoch fine[FINE_EPOCHS];
	struct epoch coarse[COARSE_EPOCHS];
};

static const struct epoch empty_epoch;
static const struct pair no_pair;

/* Bound: one a CPU, 24 KiB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct history);
} histories SEC(".maps");

/* `part` x ns / span; both factors of an epoch can pass 4 s. */
static __always_inline u64 prorate(u64 part, u64 ns, u64 span)
{
	if (span >> 32) {
		ns >>= 16;
		span >>= 16;
	}
	return part * ns / span;
}

static __always_inline struct occupant *slice(struct cpu *cpu, u32 index)
{
	return &cpu->ring[index & (RING_SLICES - 1)];
}

static __always_inline void share_add(struct epoch *epoch, u64 who, u64 ns)
{
	for (int i = 0; i < SHARES; i++) {
		struct share *share = &epoch->share[i];

		if (!share->ns || share->who == who) {
			share->who = who;
			share->ns += ns;
			return;
		}
	}
	epoch->unnamed += ns;
}

/* The oldest fine epoch, about to be overwritten, goes into the newest coarse one. */
__noinline int fold_epoch(u32 cpu_id, u32 oldest)
{
	struct history *history = bpf_map_lookup_elem(&histories, &cpu_id);
	struct cpu *cpu = bpf_map_lookup_elem(&cpus, &cpu_id);
	struct epoch *from, *into;
	u32 newest;

	if (!history || !cpu)
		return 0;
	from = &history->fine[oldest & (FINE_EPOCHS - 1)];
	if (!from->end)
		return 0;
	newest = cpu->newest_coarse & (COARSE_EPOCHS - 1);
	into = &history->coarse[newest];
	if (!into->end || into->end - into->start >= COARSE_SPAN) {
		newest = (newest + 1) & (COARSE_EPOCHS - 1);
		cpu->newest_coarse = newest;
		into = &history->coarse[newest];
		*into = empty_epoch;
		into->start = from->start;
	}
	into->end = from->end;
	into->unnamed += from->unnamed;
	into->stolen += from->stolen;
	for (int i = 0; i < SHARES; i++) {
		u64 ns = from->share[i].ns;

		if (!ns)
			break;
		share_add(into, from->share[i].who, ns);
	}
	return 0;
}

/* The oldest slice of the ring, about to be overwritten, goes into the newest fine epoch. */
static __always_inline void fold_slice(struct cpu *cpu, u32 cpu_id)
{
	struct history *history = bpf_map_lookup_elem(&histories, &cpu_id);
	struct occupant *before = slice(cpu, cpu->head + 1), *oldest = slice(cpu, cpu->head + 2);
	u64 start = before->end, ns, stolen;
	struct epoch *into;
	u32 newest;

	if (!history || !start || oldest->end <= start)
		return;
	newest = cpu->newest_fine & (FINE_EPOCHS - 1);
	into = &history->fine[newest];
	if (!into->end || into->end - into->start >= FINE_SPAN) {
		newest = (newest + 1) & (FINE_EPOCHS - 1);
		fold_epoch(cpu_id, newest);
		cpu->newest_fine = newest;
		into = &history->fine[newest];
		*into = empty_epoch;
		into->start = start;
	}
	into->end = oldest->end;
	ns = oldest->end - start;
	stolen = oldest->stolen - before->stolen;
	if (stolen > ns)
		stolen = ns;
	into->stolen += stolen;
	share_add(into, oldest->who, ns - stolen);
}

__noinline int blame(u64 victim, u64 culprit, u64 other, u64 throttled, u64 preemptions)
{
	struct pair_key key = {.victim = victim, .culprit = culprit};
	struct pair *pair = bpf_map_lookup_elem(&pairs, &key);

	if (!pair) {
		/* -EEXIST: another CPU was quicker */
		bpf_map_update_elem(&pairs, &key, &no_pair, BPF_NOEXIST);
		pair = bpf_map_lookup_elem(&pairs, &key);
		if (!pair) {
			drop(DROP_PAIR_FULL);
			return 0;
		}
	}
	if (other)
		__sync_fetch_and_add(&pair->other, other);
	if (throttled)
		__sync_fetch_and_add(&pair->throttled, throttled);
	if (preemptions)
		__sync_fetch_and_add(&pair->preemptions, preemptions);
	return 0;
}

/* Gathers who ran longest during a wait that will be reported. Forgets the least, so it never says too much.
 */
__noinline int suspect(u64 who, u64 ns)
{
	struct cpu *cpu = this_cpu();
	u64 least = ~0ULL;
	u32 at = 0;

	if (!cpu)
		return 0;
#pragma clang loop unroll(disable) /* keeps the stack of the longest call chain under 512 bytes */
	for (u32 i = 0; i < SUSPECTS; i++) {
		struct suspect *s = &cpu->suspects[i];

		if (s->who == who) {
			s->ns += ns;
			return 0;
		}
		if (s->ns < least) {
			least = s->ns;
			at = i;
		}
	}
	if (ns > least) {
		cpu->suspects[at & (SUSPECTS - 1)].who = who;
		cpu->suspects[at & (SUSPECTS - 1)].ns = ns;
	}
	return 0;
}

/*
 * Books time of another cgroup on the pair. Pieces below the quantum are sampled in proportion to their size:
 * a running total, and each time it passes the quantum, one quantum to the pair at hand. Unbiased, and the
 * pair map is touched at most once a quantum.
 */
static __always_inline void blame_time(struct cpu *cpu, u64 victim, u64 culprit, u64 ns)
{
	u64 booked = ns;

	if (unlikely(cpu->reporting))
		suspect(culprit, ns);
	if (ns < quantum) {
		u64 small = cpu->small + ns;

		booked = 0;
		if (small >= quantum) {
			small -= quantum;
			booked = quantum;
		}
		cpu->small = small;
	}
	if (booked)
		blame(victim, culprit, booked, 0, 0);
}

enum walked {
	WALK_ON,
	WALK_DONE,
	WALK_OUT, /* no older epoch at this level */
};

/* Charges what of the wait lies in an epoch: all of it, or the part since the wait began, prorated. */
__noinline int charge_epoch(u32 cpu_id, u32 level, u32 index)
{
	struct history *history = bpf_map_lookup_elem(&histories, &cpu_id);
	struct cpu *cpu = this_cpu();
	u64 span, ns, left, start, victim;
	struct epoch *epoch;
	struct cell *cell;

	if (!history || !cpu)
		return WALK_DONE;
	cell = bpf_map_lookup_elem(&cells, &cpu->walk_cell);
	if (!cell)
		return WALK_DONE;
	epoch = level ? &history->coarse[index & (COARSE_EPOCHS - 1)]
		      : &history->fine[index & (FINE_EPOCHS - 1)];
	if (!epoch->end)
		return WALK_OUT;
	if (epoch->end < cpu->walk_to) { /* a gap in the history */
		u64 known = epoch->end > cpu->walk_from ? epoch->end : cpu->walk_from;

		cell->class[CLASS_UNKNOWN] += cpu->walk_to - known;
		cpu->walk_to = known;
	}
	start = epoch->start > cpu->walk_from ? epoch->start : cpu->walk_from;
	if (cpu->walk_to > start) {
		victim = cpu->walk_victim;
		span = epoch->end - epoch->start;
		ns = cpu->walk_to - start;
		cpu->walk_to = start;
		left = ns;
		for (int i = 0; i < SHARES; i++) {
			u64 part = epoch->share[i].ns, who = epoch->share[i].who;

			if (!part)
				break;
			if (ns < span)
				part = prorate(part, ns, span);
			if (part > left)
				part = left;
			left -= part;
			if (who == victim) {
				cell->class[CLASS_SELF] += part;
			} else if (who == WHO_IDLE) {
				cell->class[CLASS_IDLE] += part;
			} else if (who == WHO_KERNEL) {
				cell->class[CLASS_KERNEL] += part;
			} else {
				cell->class[CLASS_OTHER] += part;
				blame_time(cpu, cell->who, who, part);
			}
		}
		ns = ns < span ? prorate(epoch->stolen, ns, span) : epoch->stolen;
		if (ns > left)
			ns = left;
		cell->class[CLASS_STOLEN] += ns;
		cell->class[CLASS_UNKNOWN] += left - ns;
	}
	return cpu->walk_to <= cpu->walk_from ? WALK_DONE : WALK_ON;
}

/* Charges what the ring did not reach. */
__noinline int walk_epochs(u32 cpu_id)
{
	struct cpu *there = bpf_map_lookup_elem(&cpus, &cpu_id), *cpu = this_cpu();
	struct cell *cell;
	u32 newest;
	int walked;

	if (!there || !cpu)
		return 0;
	newest = there->newest_fine;
	for (u32 k = 0; k < FINE_EPOCHS; k++) {
		walked = charge_epoch(cpu_id, 0, newest - k);
		if (walked == WALK_DONE)
			return 0;
		if (walked == WALK_OUT)
			break;
	}
	newest = there->newest_coarse;
	for (u32 k = 0; k < COARSE_EPOCHS; k++) {
		walked = charge_epoch(cpu_id, 1, newest - k);
		if (walked == WALK_DONE)
			return 0;
		if (walked == WALK_OUT)
			break;
	}
	cell = bpf_map_lookup_elem(&cells, &cpu->walk_cell);
	if (cell)
		cell->class[CLASS_UNKNOWN] += cpu->walk_to - cpu->walk_from;
	drop(DROP_HISTORY_TRUNCATED);
	return 0;
}

/* Charges the part of [from, to) that lies in the slice `k` before the newest; returns where that part
 * begins. */
static __always_inline u64 charge_slice(struct cpu *here, struct cpu *there, u32 k, struct cell *cell,
					u64 victim, u64 from, u64 to)
{
	struct occupant *o = slice(there, there->head - k), *before = slice(there, there->head - k - 1);
	u64 start = before->end, low = start > from ? start : from, ns = to - low, stolen;
	u32 class = o->who == victim ? CLASS_SELF : o->class;

	if (to <= low)
		return to;
	stolen = o->stolen - before->stolen;
	if (unlikely(stolen)) {
		u64 span = o->end - start;

		if (span > ns)
			stolen = prorate(stolen, ns, span);
		if (stolen > ns)
			stolen = ns;
		cell->class[CLASS_STOLEN] += stolen;
		ns -= stolen;
	}
	cell->class[class & 3] += ns;
	if (class == CLASS_OTHER)
		blame_time(here, cell->who, o->who, ns);
	return low;
}

/* Charges the wait this CPU is walking to whoever had `cpu_id`, from the slice `k` before the newest on. */
__noinline int walk_slices(u32 cpu_id, u32 k)
{
	struct cpu *there = bpf_map_lookup_elem(&cpus, &cpu_id), *here = this_cpu();
	struct cell *cell;

	if (!there || !here)
		return 0;
	cell = bpf_map_lookup_elem(&cells, &here->walk_cell);
	if (!cell)
		return 0;
	/* the slot before the oldest slice only holds where that one began */
	for (; k < RING_SLICES - 1; k++) {
		if (!slice(there, there->head - k - 1)->end)
			break;
		here->walk_to =
			charge_slice(here, there, k, cell, here->walk_victim, here->walk_from, here->walk_to);
		if (here->walk_to <= here->walk_from)
			return 0;
	}
	return walk_epochs(cpu_id);
}

static __always_inline void begin_walk(struct cpu *here, u32 cell_index, u64 victim, u64 from, u64 to)
{
	here->walk_cell = cell_index;
	here->walk_victim = victim;
	here->walk_from = from;
	here->walk_to = to;
}

/* Charges [from, to) of a wait, `to` being the end of the newest slice of `cpu_id` or before. */
static __always_inline void walk(u32 cpu_id, u32 cell_index, u64 victim, u64 from, u64 to)
{
	struct cpu *here = this_cpu();

	if (!here)
		return;
	begin_walk(here, cell_index, victim, from, to);
	walk_slices(cpu_id, 0);
}

#endif
