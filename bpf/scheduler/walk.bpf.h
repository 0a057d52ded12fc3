/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A wait is walked backwards over the history, from its end to its beginning, and charged to the cgroups that
 * had the CPU. */
#ifndef EARSHOT_WALK_H
#define EARSHOT_WALK_H

#include "history.bpf.h"
#include "pairs.bpf.h"

/* `part` x ns / span; both factors of an epoch can pass 4 s, and 18 minutes where a task spins alone. */
static __always_inline u64 prorate(u64 part, u64 ns, u64 span)
{
	if (span >> 40)
		return (part >> 16) * (ns >> 16) / (span >> 16) << 16;
	if (span >> 32) {
		ns >>= 16;
		span >>= 16;
	}
	return part * ns / span;
}

/* Which cgroups ran meanwhile on a CPU that the task only happened to be assigned to says nothing. */
static __always_inline void charge_unknown(struct cell *cell, u64 ns)
{
	cell->class[CLASS_UNKNOWN] += ns;
	lose(LOSS_EXT_MOVED);
}

enum walked {
	WALK_ON,
	WALK_DONE,
	WALK_OUT, /* no older slice or epoch at this level */
};

static __always_inline struct epoch *epoch_at(struct history *history, u32 level, u32 index)
{
	return level ? &history->coarse[index & (COARSE_EPOCHS - 1)].epoch
		     : &history->fine[index & (FINE_EPOCHS - 1)].epoch;
}

static __always_inline struct share *share_at(struct history *history, u32 level, u32 index, u32 i)
{
	if (i >= (level ? COARSE_SHARES : FINE_SHARES))
		return NULL;
	keep_check_before(i);
	return level ? &history->coarse[index & (COARSE_EPOCHS - 1)].share[i]
		     : &history->fine[index & (FINE_EPOCHS - 1)].share[i];
}

/* Charges one share of an epoch, prorated, as walk.prorated says. */
__noinline int charge_share(u32 row, u32 level, u32 index, u32 i)
{
	struct cpu *here = cpu_at(row);
	struct history *history;
	struct share *share;
	struct cell *cell;
	u64 ns, serial;

	if (!here)
		return 0;
	history = bpf_map_lookup_elem(&histories, &here->walk.source);
	cell = bpf_map_lookup_elem(&cells, &here->walk.cell);
	if (!history || !cell)
		return 0;
	share = share_at(history, level, index, i);
	if (!share)
		return 0;
	ns = share->ns;
	if (ns == WHOLE) /* then the others had next to none */
		ns = here->walk.prorated.span + here->walk.prorated.own -
		     epoch_at(history, level, index)->stolen;
	serial = lengthen(share->serial, epoch_at(history, level, index)->high);
	if (serial == here->walk.victim)
		ns = ns > here->walk.prorated.own ? ns - here->walk.prorated.own : 0;
	if (here->walk.prorated.part < here->walk.prorated.span)
		ns = prorate(ns, here->walk.prorated.part, here->walk.prorated.span);
	if (ns > here->walk.prorated.left)
		ns = here->walk.prorated.left;
	here->walk.prorated.left -= ns;
	if (share->serial == SHORT_UNNAMED_SHARED) {
		lose(LOSS_UNNAMED_SHARED);
		cell->class[CLASS_OTHER] += ns;
	} else {
		charge_to(cell, row, here->walk.victim, serial, ns);
	}
	return 0;
}

/*
 * The slice of the waiter itself before it was pushed off the CPU and began to wait: what of it is in the
 * epoch has no part in what is prorated. 0 if it did not run until then, or for longer than slices last.
 */
__noinline u64 own_slice(u32 row, u32 level, u32 index)
{
	struct cpu *here = cpu_at(row);
	struct history *history;
	struct epoch *epoch;
	struct share *share;
	u64 since, ran;
	u32 serial;

	if (!here)
		return 0;
	history = bpf_map_lookup_elem(&histories, &here->walk.source);
	if (!history)
		return 0;
	epoch = epoch_at(history, level, index);
	since = here->walk.arrived;
	if (!since || here->walk.queued <= since || here->walk.queued - since > 2 * FINE_SPAN)
		return 0;
	if (since < epoch->start)
		since = epoch->start;
	if (here->walk.queued <= since)
		return 0;
	ran = here->walk.queued - since;
	serial = shorten(here->walk.victim);
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < COARSE_SHARES; i++) {
		share = i < epoch->shares ? share_at(history, level, index, i) : NULL;
		if (!share)
			break;
		if (share->serial == serial)
			return share->ns < ran ? share->ns : ran;
	}
	return 0;
}

/* Charges what of the wait lies in an epoch: all of it, or the part since the wait began, prorated. */
__noinline int charge_epoch(u32 row, u32 level, u32 index)
{
	struct cpu *here = cpu_at(row);
	struct history *history;
	struct epoch *epoch;
	u64 start, stolen;
	struct cell *cell;

	if (!here)
		return WALK_DONE;
	history = bpf_map_lookup_elem(&histories, &here->walk.source);
	cell = bpf_map_lookup_elem(&cells, &here->walk.cell);
	if (!history || !cell)
		return WALK_DONE;
	epoch = epoch_at(history, level, index);
	if (!epoch->end)
		return WALK_OUT;
	if (epoch->end < here->walk.to) { /* a gap in the history */
		u64 known = epoch->end > here->walk.from ? epoch->end : here->walk.from;

		cell->class[CLASS_UNKNOWN] += here->walk.to - known;
		here->walk.to = known;
	}
	start = epoch->start > here->walk.from ? epoch->start : here->walk.from;
	if (here->walk.to <= start)
		return here->walk.to <= here->walk.from ? WALK_DONE : WALK_ON;
	here->walk.prorated.part = here->walk.prorated.left = here->walk.to - start;
	here->walk.prorated.own = start == here->walk.from ? own_slice(row, level, index) : 0;
	here->walk.prorated.span = epoch->end - epoch->start - here->walk.prorated.own;
	here->walk.to = start;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < COARSE_SHARES; i++) {
		if (i >= epoch->shares)
			break;
		charge_share(row, level, index, i);
	}
	stolen = epoch->stolen;
	if (here->walk.prorated.part < here->walk.prorated.span)
		stolen = prorate(stolen, here->walk.prorated.part, here->walk.prorated.span);
	if (stolen > here->walk.prorated.left)
		stolen = here->walk.prorated.left;
	cell->class[CLASS_STOLEN] += stolen;
	cell->class[CLASS_UNKNOWN] += here->walk.prorated.left - stolen;
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
	if (!here->walk.moved)
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
	lose(LOSS_HISTORY_TRUNCATED);
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
	u32 class = o->serial == victim ? CLASS_SELF : o->class;

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
		blame_time(row, cell->serial, o->serial, ns, last);
	return low;
}

/* The wait of `victim` for the CPU `source`. */
static __always_inline void begin_walk(struct cpu *here, u32 source, u32 cell, u64 victim, u64 from, u64 to)
{
	here->walk.last = 0;
	here->walk.source = source;
	here->walk.ring = source;
	here->walk.cell = cell;
	here->walk.victim = victim;
	here->walk.queued = from;
	here->walk.from = from;
	here->walk.to = to;
	here->walk.moved = 0;
	here->walk.charged_on = 0;
	here->walk.remembered.any = 0;
	here->walk.has_draft = 0;
}

/* Charges the part of the wait since the newest slice ended: to the task that has been running since. */
static __always_inline void charge_running(struct cpu *here, u32 row, struct cpu *there, struct cell *cell)
{
	u64 end = slice(there, there->head)->end, low = end > here->walk.from ? end : here->walk.from;
	u64 ns, stolen = here->walk.stolen;

	if (!end || here->walk.to <= low) /* unknown before its first switch */
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

#define SLICES_AT_ONCE 4

/* Charges what of the wait lies in some slices, from the one `k` before the newest on. */
__noinline int walk_some(u32 row, u32 k)
{
	struct cpu *here = cpu_at(row), *there;
	struct cell *cell;
	u64 last;

	if (!here)
		return WALK_DONE;
	last = here->walk.last;
	here->walk.last = 0;
	there = cpu_at(here->walk.ring);
	cell = bpf_map_lookup_elem(&cells, &here->walk.cell);
	if (!there || !cell)
		return WALK_DONE;
	if (k)
		last = 0;
	else
		charge_running(here, row, there, cell);
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < SLICES_AT_ONCE; i++) {
		if (here->walk.to <= here->walk.from)
			return WALK_DONE;
		/* the slot before the oldest slice only holds where that one began */
		if (k + i >= RING_SLICES - 1 || !slice(there, there->head - k - i - 1)->end)
			return WALK_OUT;
		here->walk.to = charge_slice(row, there, k + i, cell, here->walk.victim, here->walk.from,
					     here->walk.to, last);
		last = 0;
	}
	return here->walk.to <= here->walk.from ? WALK_DONE : WALK_ON;
}

/* Charges the wait of `row` to the cgroups that had the CPU, from the slice `k` before the newest on. */
__noinline int walk_slices(u32 row, u32 k)
{
	for (u32 i = 0; i < RING_SLICES; i += SLICES_AT_ONCE) {
		int walked = walk_some(row, k + i);

		if (walked == WALK_DONE)
			return 0;
		if (walked == WALK_OUT)
			break;
	}
	return walk_epochs(row);
}

#endif
