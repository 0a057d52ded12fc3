/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What crosses the boundary between kernel and user space. User space takes every layout and every enum from
 * the object's BTF; nothing of this file is typed a second time.
 *
 * Times are nanoseconds on `rq->clock` unless named otherwise. A cgroup is meant by `serial`: the serial
 * number of its css in the cpu hierarchy, which is never used twice and lies beside the css id, so that
 * naming a task's cgroup costs one cache line. Cells and life-cycle events carry serial number and cgroup id
 * together.
 */
#ifndef EARSHOT_SCHEDULER_H
#define EARSHOT_SCHEDULER_H

#define SERIAL_IDLE	0ULL
#define SERIAL_KERNEL	(1ULL << 63) /* any kernel thread */
#define SERIAL_OVERFLOW (1ULL << 62) /* any cgroup whose css id is beyond `slots` */

enum wait_class {
	CLASS_SELF,
	CLASS_OTHER,
	CLASS_KERNEL,
	CLASS_IDLE,
	CLASS_THROTTLED,
	CLASS_STOLEN, /* hypervisor and interrupts: rq->clock - rq->clock_task */
	CLASS_UNKNOWN,
	CLASS_COUNT,
};

enum loss_reason {
	LOSS_RING_FULL,	       /* a single wait, or a removal, not reported */
	LOSS_RETIRED_LOST,     /* what a cgroup did between the last reading and its end */
	LOSS_PAIR_FULL,	       /* time or preemptions of a pair without a name */
	LOSS_TASK_EVICTED,     /* more live tasks than `tasks` holds */
	LOSS_TASK_MISSED,      /* a wait that moved between CPUs: its first part */
	LOSS_TASK_LOST,	       /* a task without an entry, because two CPUs took the same one */
	LOSS_OPEN_WAIT_FULL,   /* throttling or move of a task not remembered */
	LOSS_OPEN_WAIT_LOST,   /* the same, remembered, but gone */
	LOSS_THROTTLE_MOVED,   /* throttled, then moved to another cgroup: what of the wait was throttled */
	LOSS_THROTTLE_EVICTED, /* throttled intervals of a cgroup forgotten: more cgroups than `throttles`
				  holds */
	LOSS_THROTTLE_UNKNOWN, /* a part of a wait of which it is not known whether it was throttled:
				  CLASS_UNKNOWN */
	LOSS_DELAYED_DEQUEUE,  /* a wait whose beginning the kernel had wrong (6.12 and later), not counted */
	LOSS_BEGIN_LATE,       /* the same, counted from the next switch of its CPU on */
	LOSS_UNSTAMPED,	       /* a wait whose beginning the kernel has not stamped */
	LOSS_CLOCK_BACKWARDS,  /* a wait that ended before it began: counted as 0 */
	LOSS_HISTORY_TRUNCATED, /* a wait longer than the history: the rest is CLASS_UNKNOWN */
	LOSS_NO_SLOT,		/* a wait booked on SERIAL_OVERFLOW */
	LOSS_NO_CELL,		/* a slice of run time of a cgroup without a cell */
	LOSS_SATURATED,		/* a wait beyond the last histogram bucket, counted in it */
	LOSS_SUPPRESSED,	/* events over the rate; the next one carries their weight */
	LOSS_PROGRESS_DELAYED,	/* a wait in progress not looked at: its task or CPU just switched, or it has
				   no entry */
	LOSS_PROGRESS_RACED,	/* one that ended while it was charged: its culprits may be booked twice */
	LOSS_PROGRESS_LOST,	/* one that ended just then: what it waited before may be counted twice */
	LOSS_SWITCH_MISSED,	/* a switch without a tracepoint; the wait it ended is recovered */
	LOSS_SWITCH_LOST,	/* one whose wait is not: stamps that do not fit, or no `recovers_switches` */
	LOSS_UNNAMED_SHARED,	/* time of several other cgroups together, without their names */
	LOSS_QUOTA_MERGED,	/* more quotas above one another than are distinguished */
	LOSS_EXT_MOVED,	     /* a wait for any CPU, under sched_ext: what ran on the CPU it left is not why it
				waited, and it is CLASS_UNKNOWN */
	LOSS_EVENT_REFUSED,  /* a single wait not reported, as the ring is filling */
	LOSS_CORE_SCHEDULED, /* a thread with a core-scheduling cookie, each time the iterator met it */
	LOSS_COUNT,
};

/*
 * Exponential histogram at scale 2 over (2^-24 s, 2^6 s]: bucket i is OpenTelemetry's bucket i +
 * HISTOGRAM_OFFSET. Counts wrap at 2^32; user space takes differences.
 */
#define HISTOGRAM_SCALE	  2
#define HISTOGRAM_OCTAVES 30
#define HISTOGRAM_BUCKETS (HISTOGRAM_OCTAVES << HISTOGRAM_SCALE)
#define HISTOGRAM_OFFSET  (-24 * (1 << HISTOGRAM_SCALE))

struct histogram {
	unsigned int bucket[HISTOGRAM_BUCKETS];
	unsigned int zero; /* at most 2^-24 s, 60 ns */
	unsigned int pad[7];
};

/*
 * Totals of one cgroup on one CPU; in the last row, what is charged to waits in progress. The classes sum to
 * `wait` whenever no program is between the two.
 */
struct cell {
	unsigned long long serial; /* 0: never used */
	unsigned long long wait;
	unsigned long long run;
	unsigned long long class[CLASS_COUNT];
	unsigned long long cgroup; /* kernfs id */
	unsigned int preempted_by_self;
	unsigned int preempted_by_kernel;
	unsigned long long event_due; /* token bucket: when the next event is free of charge */
	unsigned int suppressed_long;
	unsigned int suppressed_short;
	long long in_progress; /* part of `wait` that belongs to waits which had not ended */
	unsigned long long pad;
};

struct pair_key {
	unsigned long long victim;
	unsigned long long culprit;
};

/* From user space, after each reading. */
struct pair_room {
	unsigned long long readings;   /* counted up when there may be room again in `pairs` */
	unsigned long long admit_each; /* one new pair for about so many ns of time without one; 0: all */
};

struct pair {
	unsigned long long other;     /* the culprit ran while the victim waited */
	unsigned long long throttled; /* the victim waited for the culprit's quota */
	unsigned long long
		last; /* the whole waits of the victim after which the culprit was the last to run */
	unsigned long long preemptions;
};

/* A slice: `serial` had the CPU from the end of the slice before until `end`. */
struct occupant {
	unsigned long long end;
	unsigned long long serial;
	unsigned long long stolen; /* running total of the CPU */
	unsigned int slot;
	unsigned int class;
};

#define RING_SLICES 16

/* What is remembered of a task besides its totals. */
union remembered {
	unsigned int any;
	struct {
		unsigned char has_open_wait;
		unsigned char is_bogus;	      /* its stamp is wrong: as in open_wait, if that is full */
		unsigned char was_throttled;  /* it is not known for how long: likewise */
		unsigned char may_be_charged; /* while it goes on: it may have the iterator's open_wait */
	};
};

/* Levels with a quota that are distinguished in one path: a container's, its pod's and one above. */
#define QUOTAS 3

/* How long the levels with a quota above a task could not run on its CPU, nearest first. */
struct quotas {
	unsigned long long serial[QUOTAS];
	unsigned long long throttled[QUOTAS]; /* [0]: by any quota; before 6.18 of the nearest group with one,
						 from 6.18 on of the task's own group */
	unsigned long long on;		      /* whose cfs_rq throttled[0] is of */
	unsigned long long entity[QUOTAS];    /* on the queues of the levels, as addresses */
	unsigned int count;
	unsigned int is_merged; /* there are more, counted with the last */
};

struct candidate {
	unsigned long long serial;
	unsigned long long ns;
};

#define CANDIDATES 8

/* The part of a wait that lies in an epoch, ns. */
struct prorated {
	unsigned long long part;
	unsigned long long left; /* of it, not yet charged */
	unsigned long long span; /* of the epoch, less `own` */
	unsigned long long own;	 /* what the waiter itself ran there before it began to wait */
};

/*
 * The wait a program is about: in memory, because the verifier then has nothing to keep apart, and functions
 * are verified once and not wherever they are called from.
 */
struct walk {
	/* What every walk writes is on two cache lines. */
	unsigned long long from;    /* what is to be charged: from here */
	unsigned long long to;	    /* to here */
	unsigned long long victim;  /* the cgroup the subject runs for */
	unsigned long long queued;  /* when the wait began on this CPU */
	unsigned long long subject; /* the task that waits, as an address */
	unsigned long long last;    /* the wait, to be booked on the last runner; 0: not booked */
	unsigned int cell;
	unsigned int source; /* the CPU it waits for */
	unsigned int ring;   /* where the ring of that CPU is, or a copy */
	unsigned int moved;  /* between CPUs while it waited */

	unsigned long long charged_on; /* the cfs_rq of charged_throttled; 0: there is none */
	union remembered remembered;   /* of the subject */
	unsigned int throttle;	       /* index of what is known of the group's throttling */
	unsigned int has_draft;	       /* its open_wait is in `drafts` */
	unsigned int goes_on;	       /* the newest interval, since the group was last looked at */
	unsigned long long wait;       /* the whole of it, with what was charged before */
	unsigned long long stolen;     /* since the newest slice ended */
	unsigned long long before;     /* the task that leaves the CPU to the subject, as an address */
	unsigned long long arrived; /* when the subject began to run before it waited, if it is known, or 0 */
	unsigned int idle_cpu;
	unsigned int idle_cpus;		  /* other CPUs looked at for idle time */
	unsigned long long idle_cpu_time; /* for how long of the wait idle_cpu was idle */
	unsigned long long
		charged_throttled[QUOTAS];   /* as quotas.throttled, when the wait was charged before */
	unsigned long long cut_from, cut_to; /* the wait while it is cut into throttled intervals */
	unsigned long long known_from;	     /* until then, the group's throttling is known */
	struct quotas quotas;
	unsigned long long
		since[QUOTAS]; /* as quotas.throttled, at the beginning of what is charged to them */
	unsigned long long until[QUOTAS]; /* and at its end */
	struct prorated prorated;
};

#define SLEEPERS	 3
#define SLEEPER_SWITCHES 4096

/* A task that was moved to this CPU while it slept: sleepers.bpf.h */
struct sleeper {
	unsigned long long task; /* as an address */
	unsigned int pid;
	unsigned int switches_left; /* at which it is looked at; 0: no more */
};

/* One a CPU, and a last one for waits in progress. */
struct cpu {
	unsigned int head; /* newest slice */
	unsigned int running_slot;
	unsigned long long running;	 /* what has been switched in */
	unsigned long long running_on;	 /* and its cfs_rq, to notice that it moved to another cgroup */
	unsigned long long running_task; /* and its address, to notice a switch without a tracepoint */
	unsigned long long irq;		 /* the part of the newest slice's `stolen` that was interrupts */
	unsigned int small;		 /* ns of slices too small to be booked on a pair one by one */
	unsigned int small_last;	 /* the same of pair.last */
	unsigned int threshold;		 /* from which on they are */
	unsigned int sample_in;		 /* short waits until the next sampled one */
	unsigned int reporting;		 /* weight of the wait being charged if it will be reported, or 0 */
	unsigned char newest_fine;	 /* epoch */
	unsigned char newest_coarse;
	unsigned char has_sleepers; /* in `sleepers` */
	unsigned char pad_flags;
	struct occupant ring[RING_SLICES];
	struct walk walk;
	/* Of the wait being reported: the cell's classes before it, and the cgroup that ran longest
	 * meanwhile. */
	unsigned long long classes_before[CLASS_COUNT];
	unsigned long long throttler;
	unsigned long long throttler_ns;
	unsigned long long
		pairs_full; /* pair_room.readings when `pairs` had no room, and one more; 0: it had */
	unsigned long long unpaired; /* ns of other cgroups and quotas, without a pair */
	struct sleeper sleepers[SLEEPERS];
	unsigned long long pad[3];
	struct candidate candidates[CANDIDATES];
};

/* What follows is on the ring buffer. Every record begins with its type and its size in bytes. */
enum record_type {
	RECORD_WAIT = 1,
	RECORD_REMOVED,
	RECORD_RETIRED,
};

struct record {
	unsigned int type;
	unsigned int bytes;
};

struct wait_record {
	struct record record;
	unsigned long long monotonic; /* bpf_ktime_get_ns() */
	unsigned long long serial;
	unsigned long long cgroup;
	unsigned long long wait;
	unsigned long long class[CLASS_COUNT];
	unsigned long long culprit; /* the other cgroup that ran longest meanwhile; 0: none did */
	unsigned long long culprit_ns;
	unsigned long long throttler; /* 0: not throttled */
	unsigned long long throttler_ns;
	unsigned long long last;	  /* what ran last */
	unsigned long long idle_cpu_time; /* for how long another CPU it may use was idle, at least */
	unsigned int idle_cpu;
	unsigned int pad;
	unsigned int weight; /* waits this one stands for */
	unsigned int cpu;
	unsigned int pid;
	unsigned int tgid;
	unsigned int last_pid;
	unsigned int migrated;
	char comm[16];
	char last_comm[16];
};

/* A cgroup was removed: its slot goes to another one soon. */
struct removed_record {
	struct record record;
	unsigned int slot;
	unsigned int pad;
	unsigned long long serial;
};

/* A cell whose slot the kernel gave to another cgroup: its last totals. */
struct retired_record {
	struct record record;
	unsigned int cpu;
	unsigned int slot;
	struct cell cell;
};

/* Names every type above that no map mentions, so that it is in the object's BTF. */
struct abi {
	struct wait_record wait;
	struct removed_record removed;
	struct retired_record retired;
	enum wait_class class;
	enum record_type type;
};

_Static_assert(sizeof(struct histogram) == 512, "eight cache lines");
_Static_assert(sizeof(struct cell) == 128, "two cache lines");
_Static_assert(sizeof(struct occupant) == 32, "two to a cache line");
_Static_assert(sizeof(struct cpu) % 64 == 0, "whole cache lines");

#endif
