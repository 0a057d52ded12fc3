/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who had each CPU, as far back as waits last: the last slices exactly (`cpu.ring`); what falls out of the
 * ring is folded into epochs of FINE_SPAN and somewhat more, and those into epochs of COARSE_SPAN. An epoch
 * keeps the time of each cgroup that ran in it. It ends early when it has no room for one more: so nobody is
 * left unnamed where many take turns. Only where so many are so quick that the history would not reach back
 * far enough, its last share stands for several. A wait is walked backwards over all three; only the epoch in
 * which it began is prorated.
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

/* Serial numbers of csses in 32 bits; an epoch has seen the high ones, which no kernel has left 0 yet. */
#define SHORT_KERNEL   0xffffffffu
#define SHORT_OVERFLOW 0xfffffffeu
#define SHORT_CROWD    0xfffffffdu /* several together */

/* Time of all of an epoch's slices that one cgroup had; WHOLE: more than 4 s. */
struct share {
	u32 who;
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

static const struct pair no_pair;

/* Bound: one a CPU, 20 KiB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct history);
} histories SEC(".maps");

static __always_inline u32 shorten(u64 who)
{
	return who == WHO_KERNEL ? SHORT_KERNEL : who == WHO_OVERFLOW ? SHORT_OVERFLOW : (u32)who;
}

static __always_inline u64 lengthen(u32 who, u32 high)
{
	if (who == WHO_IDLE)
		return WHO_IDLE;
	if (who == SHORT_KERNEL)
		return WHO_KERNEL;
	if (who == SHORT_OVERFLOW)
		return WHO_OVERFLOW;
	return (u64)high << 32 | who;
}

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
__noinline int fold_share(u32 cpu_id, u32 newest, u32 who, u32 ns)
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
			share->who = who;
			share->ns = 0;
			into->epoch.shares = i + 1;
		} else if (share->who != who) {
			if (i < COARSE_SHARES - 1)
				continue;
			share->who = SHORT_CROWD;
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
		fold_share(cpu_id, newest, from->share[i].who, from->share[i].ns);
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
	u32 newest, who, i;

	if (!history || !cpu)
		return 0;
	before = slice(cpu, cpu->head + 1);
	oldest = slice(cpu, cpu->head + 2);
	start = before->end;
	if (!start || oldest->end <= start)
		return 0;
	who = shorten(oldest->who);
	newest = cpu->newest_fine & (FINE_EPOCHS - 1);
	into = &history->fine[newest];
#pragma clang loop unroll(disable)
	for (i = 0; i < FINE_SHARES; i++)
		if (i >= into->epoch.shares || into->share[i].who == who)
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
		who = SHORT_CROWD;
		into->share[i].who = who;
	}
	into->epoch.end = oldest->end;
	if (who < SHORT_CROWD)
		into->epoch.high = oldest->who >> 32;
	ns = oldest->end - start;
	stolen = oldest->stolen - before->stolen;
	if (stolen > ns)
		stolen = ns;
	into->epoch.stolen += stolen;
	if (i >= into->epoch.shares) {
		into->share[i].who = who;
		into->share[i].ns = 0;
		into->epoch.shares = i + 1;
	}
	share_add(&into->share[i], ns - stolen);
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
		suspect(row, culprit, ns);
	ns = booked(here, &here->small, ns);
	last = booked(here, &here->small_last, last);
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
	u64 ns, who;

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
	if (ns == WHOLE) /* then next to nobody else had any */
		ns = here->walk.prorated.span + here->walk.prorated.own;
	who = lengthen(share->who, epoch_at(history, level, index)->high);
	if (who == here->walk.victim)
		ns = ns > here->walk.prorated.own ? ns - here->walk.prorated.own : 0;
	if (here->walk.prorated.part < here->walk.prorated.span)
		ns = prorate(ns, here->walk.prorated.part, here->walk.prorated.span);
	if (ns > here->walk.prorated.left)
		ns = here->walk.prorated.left;
	here->walk.prorated.left -= ns;
	if (share->who == SHORT_CROWD) {
		drop(DROP_CROWD);
		cell->class[CLASS_OTHER] += ns;
	} else {
		charge_to(cell, row, here->walk.victim, who, ns);
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
	u32 who;

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
	who = shorten(here->walk.victim);
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < COARSE_SHARES; i++) {
		share = i < epoch->shares ? share_at(history, level, index, i) : NULL;
		if (!share)
			break;
		if (share->who == who)
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
}

/* Charges the part of the wait since the newest slice ended: to the task that has been running since. */
static __always_inline void charge_running(struct cpu *here, u32 row, struct cpu *there, struct cell *cell)
{
	u64 end = slice(there, there->head)->end, low = end > here->walk.from ? end : here->walk.from;
	u64 ns, stolen = here->walk.stolen;

	if (!end || here->walk.to <= low) /* nobody knows before its first switch */
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
	if (here->walk.to <= here->walk.from)
		return WALK_DONE;
	if (!slice(there, there->head - k - 1)->end)
		return WALK_OUT;
	here->walk.to =
		charge_slice(row, there, k, cell, here->walk.victim, here->walk.from, here->walk.to, last);
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
