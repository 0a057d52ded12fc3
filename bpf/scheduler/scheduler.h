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

enum drop_reason {
	DROP_RING_FULL,		/* a single wait or life-cycle event not reported */
	DROP_RETIRED_LOST,	/* what a cgroup did between the last reading and its end */
	DROP_PAIR_FULL,		/* time or preemptions of a pair without a name */
	DROP_TASK_EVICTED,	/* more live tasks than `tasks` holds */
	DROP_TASK_MISSED,	/* a wait that moved between CPUs: its first part */
	DROP_OPEN_WAIT_FULL,	/* throttling or move of a task not remembered */
	DROP_THROTTLE_MOVED,	/* throttled, then moved to another cgroup: what of the wait was throttled */
	DROP_THROTTLE_FULL,	/* throttled intervals of a cgroup not remembered */
	DROP_DELAYED_DEQUEUE,	/* a wait whose beginning the kernel had wrong (6.12 and later) */
	DROP_CLOCK_BACKWARDS,	/* a wait that ended before it began: counted as 0 */
	DROP_HISTORY_TRUNCATED, /* a wait longer than the history: the rest is CLASS_UNKNOWN */
	DROP_NO_SLOT,		/* a wait booked on SERIAL_OVERFLOW */
	DROP_NO_CELL,		/* a slice of run time of a cgroup without a cell */
	DROP_SATURATED,		/* a wait beyond the last histogram bucket, counted in it */
	DROP_PATH_TRUNCATED,	/* a cgroup path longer than CGROUP_PATH_MAX */
	DROP_SUPPRESSED,	/* events over the rate; the next one carries their weight */
	DROP_PROGRESS_DELAYED,	/* a wait in progress not looked at: its task or CPU just switched, or it has
				   no entry */
	DROP_PROGRESS_RACED,	/* one that ended while it was charged: its culprits may be booked twice */
	DROP_PROGRESS_LOST,	/* one that ended just then: what it waited before may be counted twice */
	DROP_SWITCH_MISSED,	/* a switch without a tracepoint; the wait it ended is recovered */
	DROP_SWITCH_LOST,	/* one whose wait could not be recovered */
	DROP_UNNAMED_SHARED,	/* time of several other cgroups together, without their names */
	DROP_QUOTA_MERGED,	/* more quotas above one another than are distinguished */
	DROP_COUNT,
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

/* Levels with a quota that are distinguished in one path: a container's, its pod's and one above. */
#define QUOTAS 3

/* How long the levels with a quota above a task could not run on its CPU, nearest first. */
struct quotas {
	unsigned long long serial[QUOTAS];
	unsigned long long throttled[QUOTAS]; /* [0]: of the task's own group, by any quota */
	unsigned int count;
	unsigned int pad;
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
	unsigned long long subject; /* the task that waits, as an address */
	unsigned long long before;  /* the task that leaves the CPU to it, likewise */
	unsigned long long victim;  /* the cgroup the subject runs for */
	unsigned long long queued;  /* when the wait began on this CPU */
	unsigned long long from;    /* what is to be charged: from here */
	unsigned long long to;	    /* to here */
	unsigned long long wait;    /* the whole of it, with what was charged before */
	unsigned long long stolen;  /* since the newest slice ended */
	unsigned long long arrived; /* when the subject began to run before it waited, if it is known, or 0 */
	unsigned int cell;
	unsigned int source; /* the CPU it waits for */
	unsigned int ring;   /* where the ring of that CPU is, or a copy */
	unsigned int moved;  /* between CPUs while it waited */
	unsigned int idle_cpu;
	unsigned int pad;
	unsigned long long idle_cpu_time;     /* for how long of it that CPU was idle */
	unsigned long long charged_throttled; /* throttled_time() when the wait was charged before */
	unsigned long long charged_on;	      /* of that cfs_rq; 0: it was not */
	struct quotas quotas;
	unsigned long long
		since[QUOTAS]; /* as quotas.throttled, at the beginning of what is charged to them */
	unsigned long long until[QUOTAS]; /* and at its end */
	struct prorated prorated;
	unsigned long long last;  /* the wait, to be booked on the last runner; 0: not booked */
	unsigned long long taken; /* `charged` of the open_wait that was taken; ~0: there was none */
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
	unsigned short newest_fine;	 /* epoch */
	unsigned short newest_coarse;
	struct occupant ring[RING_SLICES];
	/* Of the wait being reported: the cell's classes before it, and the cgroup that ran longest
	 * meanwhile. */
	unsigned long long classes_before[CLASS_COUNT];
	unsigned long long throttler;
	unsigned long long throttler_ns;
	struct walk walk;
	unsigned long long pad[5];
	struct candidate candidates[CANDIDATES];
	unsigned long long drops[24];
};

/* What follows is on the ring buffer. Every record begins with its type and its size in bytes. */
enum record_type {
	RECORD_WAIT = 1,
	RECORD_CGROUP,
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

enum cgroup_change {
	CGROUP_MKDIR,
	CGROUP_RMDIR,
	CGROUP_ATTACH,
	CGROUP_RENAME,
};

#define CGROUP_PATH_MAX 512

struct cgroup_record {
	struct record record;
	unsigned int change;
	unsigned int slot;
	unsigned long long monotonic; /* bpf_ktime_get_ns() */
	unsigned long long serial;    /* 0: it has no cpu controller of its own, its parent's counts */
	unsigned long long cgroup;
	char path[CGROUP_PATH_MAX];
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
	struct cgroup_record cgroup;
	struct retired_record retired;
	enum wait_class class;
	enum drop_reason drop;
	enum record_type type;
	enum cgroup_change change;
};

_Static_assert(sizeof(struct histogram) == 512, "eight cache lines");
_Static_assert(sizeof(struct cell) == 128, "two cache lines");
_Static_assert(sizeof(struct occupant) == 32, "two to a cache line");
_Static_assert(sizeof(struct cpu) % 64 == 0, "whole cache lines");
_Static_assert(DROP_COUNT <= 24, "fits drops[]");

#endif
