/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How much each culprit did to each victim. */
#ifndef EARSHOT_PAIRS_H
#define EARSHOT_PAIRS_H

#include "maps.bpf.h"

static const struct pair no_pair;

enum blamed {
	BLAMED_OTHER,
	BLAMED_THROTTLED,
	BLAMED_PREEMPTION,
};

/*
 * Sample and hold: each ns has the same chance to bring its pair in, where it stays. So of the pairs for
 * which a map is too small the large ones are in it, and how many come in is bounded by the time without a
 * pair.
 */
static __always_inline bool is_admitted(u64 ns, u64 admit_each)
{
	return ns >= admit_each || (bpf_get_prandom_u32() & 0xffff) * admit_each >> 16 < ns;
}

/*
 * An entry for a new pair. Where the map is full, that looks through the free entries of every CPU, under the
 * run queue's lock: after it has failed once here, it is not tried again until user space has made room.
 */
static __always_inline struct pair *add_pair(const struct pair_key *key, u64 ns)
{
	u32 cpu_id = bpf_get_smp_processor_id(), only = 0;
	struct pair_room *room = bpf_map_lookup_elem(&pair_room, &only);
	struct cpu *here = cpu_at(cpu_id);
	struct pair *pair;

	if (!here || !room)
		return NULL;
	if (here->pairs_full != room->readings + 1 && is_admitted(ns, room->admit_each)) {
		/* -EEXIST: another CPU was quicker */
		bpf_map_update_elem(&pairs, key, &no_pair, BPF_NOEXIST);
		pair = bpf_map_lookup_elem(&pairs, key);
		if (pair)
			return pair;
		here->pairs_full = room->readings + 1;
	}
	/* atomic: a switch may come in the midst of the iterator over tasks */
	if (ns)
		__sync_fetch_and_add(&here->unpaired, ns);
	return NULL;
}

/* `last`: for the whole wait, if the culprit was the last to run. */
__noinline int blame(u64 victim, u64 culprit, u32 what, u64 amount, u64 last)
{
	struct pair_key key = {.victim = victim, .culprit = culprit};
	struct pair *pair = bpf_map_lookup_elem(&pairs, &key);
	u64 *total;

	if (!pair)
		pair = add_pair(&key, what == BLAMED_PREEMPTION ? 0 : amount);
	if (!pair) {
		lose(LOSS_PAIR_FULL);
		return 0;
	}
	total = what == BLAMED_OTHER	   ? &pair->other
		: what == BLAMED_THROTTLED ? &pair->throttled
					   : &pair->preemptions;
	if (amount)
		__sync_fetch_and_add(total, amount);
	if (last)
		__sync_fetch_and_add(&pair->last, last);
	return 0;
}

/* Gathers the cgroups that ran longest during a wait that will be reported. Evicts the least, so a time is
 * never too long.
 */
__noinline int candidate(u32 row, u64 serial, u64 ns)
{
	struct cpu *cpu = cpu_at(row);
	u64 least = ~0ULL;
	u32 at = 0;

	if (!cpu)
		return 0;
#pragma clang loop unroll(disable) /* keeps the stack of the longest call chain under 512 bytes */
	for (u32 i = 0; i < CANDIDATES; i++) {
		struct candidate *s = &cpu->candidates[i];

		if (s->serial == serial) {
			s->ns += ns;
			return 0;
		}
		if (s->ns < least) {
			least = s->ns;
			at = i;
		}
	}
	if (ns > least) {
		cpu->candidates[at & (CANDIDATES - 1)].serial = serial;
		cpu->candidates[at & (CANDIDATES - 1)].ns = ns;
	}
	return 0;
}

/*
 * What is booked now: a piece of a quantum at once; smaller ones gather until they pass about a quantum,
 * which then goes to the piece at hand. Even steps err least; that they vary a little keeps them from falling
 * into step with a load.
 */
static __always_inline u64 booked(struct cpu *here, u32 *small, u64 ns)
{
	u32 threshold = here->threshold;

	if (ns >= quantum)
		return ns;
	ns += *small;
	if (ns < threshold) {
		*small = ns;
		return 0;
	}
	*small = ns - threshold;
	here->threshold = (u32)quantum - (u32)quantum / 8 + bpf_get_prandom_u32() % ((u32)quantum / 4);
	return threshold;
}

/*
 * Books time of another cgroup on the pair, and the whole wait (`last`) if it was the last to run. Small
 * pieces are sampled in proportion to their size, so that the pair map is touched about once a quantum.
 */
__noinline int blame_time(u32 row, u64 victim, u64 culprit, u64 ns, u64 last)
{
	struct cpu *here = cpu_at(row);

	if (!here)
		return 0;
	if (unlikely(here->reporting))
		candidate(row, culprit, ns);
	ns = booked(here, &here->small, ns);
	last = booked(here, &here->small_last, last);
	if (ns | last)
		blame(victim, culprit, BLAMED_OTHER, ns, last);
	return 0;
}

static __always_inline u32 class_of(u64 serial)
{
	return serial == SERIAL_IDLE ? CLASS_IDLE : serial == SERIAL_KERNEL ? CLASS_KERNEL : CLASS_OTHER;
}

/* `serial` ran for so long during the wait. */
static __always_inline void charge_to(struct cell *cell, u32 row, u64 victim, u64 serial, u64 ns)
{
	u32 class = serial == victim ? CLASS_SELF : class_of(serial);

	cell->class[class & 3] += ns;
	if (class == CLASS_OTHER)
		blame_time(row, cell->serial, serial, ns, 0);
}

#endif
