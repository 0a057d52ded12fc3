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
#define COARSE_SPAN   (32 * FINE_SPAN)
#define FINE_EPOCHS   128
#define COARSE_EPOCHS 32
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

/* Bound: one a CPU, 20 KiB. */
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
__noinline int fold_slice(u32 cpu_id)
{
	struct cpu *cpu = cpu_at(cpu_id);
	struct history *history = bpf_map_lookup_elem(&histories, &cpu_id);
	struct occupant *before, *oldest;
	u64 start, ns, stolen;
	struct epoch *into;
	u32 newest;

	if (!history || !cpu)
		return 0;
	before = slice(cpu, cpu->head + 1);
	oldest = slice(cpu, cpu->head + 2);
	start = before->end;
	if (!start || oldest->end <= start)
		return 0;
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
	return 0;
}

enum blamed {
	BLAMED_OTHER,
	BLAMED_THROTTLED,
	BLAMED_PREEMPTION,
};

/* `last`: for the whole wait, if the culprit was the last to run. */
__noinline int blame(u64 victim, u64 culprit, u32 what, u64 amount, u64 last)
{
	struct pair_key key = {.victim = victim, .culprit = culprit};
	struct pair *pair = bpf_map_lookup_elem(&pairs, &key);
	u64 *total;

	if (!pair) {
		/* -EEXIST: another CPU was quicker */
		bpf_map_update_elem(&pairs, &key, &no_pair, BPF_NOEXIST);
		pair = bpf_map_lookup_elem(&pairs, &key);
		if (!pair) {
			drop(DROP_PAIR_FULL);
			return 0;
		}
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

/* Gathers who ran longest during a wait that will be reported. Forgets the least, so it never says too much.
 */
__noinline int suspect(u32 row, u64 who, u64 ns)
{
	struct cpu *cpu = cpu_at(row);
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
 * What is booked now: a piece of a quantum at once; smaller ones gather until they pass about a quantum,
 * which then goes to the piece at hand. Even steps err least; that they vary a little keeps them from falling
 * into step with a load.
 */
static __always_inline u64 booked(struct gathered *gathered, u64 ns)
{
	u32 threshold = gathered->threshold;

	if (ns >= quantum)
		return ns;
	ns += gathered->ns;
	if (ns < threshold) {
		gathered->ns = ns;
		return 0;
	}
	gathered->ns = ns - threshold;
	gathered->threshold = (u32)quantum - (u32)quantum / 8 + bpf_get_prandom_u32() % ((u32)quantum / 4);
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
		suspect(row, culprit, ns);
	ns = booked(&here->small, ns);
	last = booked(&here->small_last, last);
	if (ns | last)
		blame(victim, culprit, BLAMED_OTHER, ns, last);
	return 0;
}

static __always_inline u32 class_of(u64 who)
{
	return who == WHO_IDLE ? CLASS_IDLE : who == WHO_KERNEL ? CLASS_KERNEL : CLASS_OTHER;
}

/* `who` ran for so long during the wait. */
static __always_inline void charge_to(struct cell *cell, u32 row, u64 victim, u64 who, u64 ns)
{
	u32 class = who == victim ? CLASS_SELF : class_of(who);

	cell->class[class & 3] += ns;
	if (class == CLASS_OTHER)
		blame_time(row, cell->who, who, ns, 0);
}

enum walked {
	WALK_ON,
	WALK_DONE,
	WALK_OUT, /* no older slice or epoch at this level */
};

/*
 * The slice of the waiter itself before it was pushed off the CPU and began to wait: what of it is in the
 * epoch has no part in what is prorated. 0 if it did not run until then.
 */
static __always_inline u64 own_slice(struct epoch *epoch, struct walk *walk, u64 start)
{
	u64 since = walk->arrived > epoch->start ? walk->arrived : epoch->start;

	if (!walk->arrived || since >= start)
		return 0;
#pragma clang loop unroll(disable)
	for (int i = 0; i < SHARES; i++)
		if (epoch->share[i].who == walk->victim)
			return epoch->share[i].ns >= start - since ? start - since : 0;
	return 0;
}

/* Charges what of the wait lies in an epoch: all of it, or the part since the wait began, prorated. */
__noinline int charge_epoch(u32 row, u32 level, u32 index)
{
	struct cpu *here = cpu_at(row);
	struct history *history;
	u64 span, ns, left, start, victim, own;
	struct epoch *epoch;
	struct cell *cell;

	if (!here)
		return WALK_DONE;
	history = bpf_map_lookup_elem(&histories, &here->walk.source);
	cell = bpf_map_lookup_elem(&cells, &here->walk.cell);
	if (!history || !cell)
		return WALK_DONE;
	epoch = level ? &history->coarse[index & (COARSE_EPOCHS - 1)]
		      : &history->fine[index & (FINE_EPOCHS - 1)];
	if (!epoch->end)
		return WALK_OUT;
	if (epoch->end < here->walk.to) { /* a gap in the history */
		u64 known = epoch->end > here->walk.from ? epoch->end : here->walk.from;

		cell->class[CLASS_UNKNOWN] += here->walk.to - known;
		here->walk.to = known;
	}
	start = epoch->start > here->walk.from ? epoch->start : here->walk.from;
	if (here->walk.to > start) {
		victim = here->walk.victim;
		span = epoch->end - epoch->start;
		ns = here->walk.to - start;
		here->walk.to = start;
		left = ns;
		own = start == here->walk.from ? own_slice(epoch, &here->walk, start) : 0;
		span -= own;
#pragma clang loop unroll(disable)
		for (int i = 0; i < SHARES; i++) {
			u64 part = epoch->share[i].ns, who = epoch->share[i].who;

			if (!part)
				break;
			if (who == victim)
				part = part > own ? part - own : 0;
			if (ns < span)
				part = prorate(part, ns, span);
			if (part > left)
				part = left;
			left -= part;
			charge_to(cell, row, victim, who, part);
		}
		ns = ns < span ? prorate(epoch->stolen, ns, span) : epoch->stolen;
		if (ns > left)
			ns = left;
		cell->class[CLASS_STOLEN] += ns;
		cell->class[CLASS_UNKNOWN] += left - ns;
	}
	return here->walk.to <= here->walk.from ? WALK_DONE : WALK_ON;
}

/* Charges what the ring did not reach. */
__noinline int walk_epochs(u32 row)
{
	struct cpu *here = cpu_at(row), *there;
	struct task_struct *task;
	struct cell *cell;
	u32 newest;
	int walked;

	if (!here)
		return 0;
	there = cpu_at(here->walk.ring);
	if (!there)
		return 0;
	task = (struct task_struct *)here->walk.subject;
	here->walk.arrived = 0;
	if (here->walk.from == here->walk.queued && !here->walk.moved)
		here->walk.arrived = BPF_CORE_READ(task, sched_info.last_arrival);
	newest = there->newest_fine;
	for (u32 k = 0; k < FINE_EPOCHS; k++) {
		walked = charge_epoch(row, 0, newest - k);
		if (walked == WALK_DONE)
			return 0;
		if (walked == WALK_OUT)
			break;
	}
	newest = there->newest_coarse;
	for (u32 k = 0; k < COARSE_EPOCHS; k++) {
		walked = charge_epoch(row, 1, newest - k);
		if (walked == WALK_DONE)
			return 0;
		if (walked == WALK_OUT)
			break;
	}
	cell = bpf_map_lookup_elem(&cells, &here->walk.cell);
	if (cell)
		cell->class[CLASS_UNKNOWN] += here->walk.to - here->walk.from;
	drop(DROP_HISTORY_TRUNCATED);
	return 0;
}

/*
 * Charges the part of [from, to) that lies in the slice `k` before the newest; returns where that part
 * begins. `last`: the wait whose last slice that is, or 0.
 */
static __always_inline u64 charge_slice(u32 row, struct cpu *there, u32 k, struct cell *cell, u64 victim,
					u64 from, u64 to, u64 last)
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
		blame_time(row, cell->who, o->who, ns, last);
	return low;
}

/* The wait of `victim` for the CPU `source`. */
static __always_inline void begin_walk(struct cpu *here, u32 source, u32 cell, u64 victim, u64 from, u64 to)
{
	here->walk.source = source;
	here->walk.ring = source;
	here->walk.cell = cell;
	here->walk.victim = victim;
	here->walk.queued = from;
	here->walk.from = from;
	here->walk.to = to;
	here->walk.moved = 0;
}

/* Charges the part of the wait since the newest slice ended: to the task that has been running since. */
static __always_inline void charge_running(struct cpu *here, u32 row, struct cpu *there, struct cell *cell)
{
	u64 end = slice(there, there->head)->end, low = end > here->walk.from ? end : here->walk.from;
	u64 ns, stolen = here->walk.stolen;

	if (here->walk.to <= low)
		return;
	ns = here->walk.to - low;
	here->walk.to = low;
	if (stolen > ns)
		stolen = ns;
	here->walk.stolen -= stolen;
	cell->class[CLASS_STOLEN] += stolen;
	ns -= stolen;
	charge_to(cell, row, here->walk.victim, there->running, ns);
}

/* Charges what of the wait lies in the slice `k` before the newest. */
__noinline int walk_slice(u32 row, u32 k)
{
	struct cpu *here = cpu_at(row), *there;
	struct cell *cell;

	if (!here)
		return WALK_DONE;
	there = cpu_at(here->walk.ring);
	cell = bpf_map_lookup_elem(&cells, &here->walk.cell);
	if (!there || !cell)
		return WALK_DONE;
	if (!k)
		charge_running(here, row, there, cell);
	if (here->walk.to <= here->walk.from)
		return WALK_DONE;
	if (!slice(there, there->head - k - 1)->end)
		return WALK_OUT;
	here->walk.to =
		charge_slice(row, there, k, cell, here->walk.victim, here->walk.from, here->walk.to, 0);
	return here->walk.to <= here->walk.from ? WALK_DONE : WALK_ON;
}

/* Charges the wait of `row` to whoever had the CPU, from the slice `k` before the newest on. */
__noinline int walk_slices(u32 row, u32 k)
{
	/* the slot before the oldest slice only holds where that one began */
	for (u32 i = 0; i < RING_SLICES - 1; i++) {
		int walked = walk_slice(row, k + i);

		if (walked == WALK_DONE)
			return 0;
		if (walked == WALK_OUT || k + i >= RING_SLICES - 2)
			break;
	}
	return walk_epochs(row);
}

#endif
