// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A node with many CPUs, cgroups and threads, scheduled by dice that always fall alike, and the programs
 *called at its switches and moves: which cache lines do they touch?
 *
 * Compiled with RUNQLAT it is the technique of the runqlat tools that is called.
 *
 *	node CPUS CPUS-OF-A-CACHE CGROUPS THREADS SWITCHES [CONSTANT=VALUE]... [MAP:ENTRIES]...
 */
#ifdef RUNQLAT
#include "../bpf/runqlat.bpf.c"
#include "compat.bpf.h"
#else
#include "scheduler.bpf.c"
#endif
#define CPUS	MAX_CPUS
#define GROUPS	2048
#define THREADS 65536
#include "lines.h"

enum event {
	EVENT_SWITCH,
	EVENT_WAKE,
	EVENT_MOVE,
	EVENT_READ,
	EVENT_COUNT,
};

static const char *const event_names[] = {"switch", "wake", "move_waiting", "visit"};

static int run_switch(bool preempt, struct task_struct *prev, struct task_struct *next)
{
	lines_begin(bpf_get_smp_processor_id(), EVENT_SWITCH);
	on_switch(preempt, prev, next);
	lines_end();
	return 0;
}

#ifdef RUNQLAT /* which has a hook on wake-ups instead */
static int run_migrate(struct task_struct *task, int cpu)
{
	return 0;
}

static int run_progress(struct bpf_iter__task *context)
{
	return 0;
}

static void run_wakeup(struct task_struct *task)
{
	lines_begin(bpf_get_smp_processor_id(), EVENT_WAKE);
	on_wakeup(task);
	lines_end();
}
#else
static void run_wakeup(struct task_struct *task)
{
}

static int run_migrate(struct task_struct *task, int cpu)
{
	lines_begin(bpf_get_smp_processor_id(), task->on_rq ? EVENT_MOVE : EVENT_WAKE);
	on_migrate(task, cpu);
	lines_end();
	return 0;
}

static int run_progress(struct bpf_iter__task *context)
{
	lines_begin(bpf_get_smp_processor_id(), EVENT_READ);
	on_progress(context);
	lines_end();
	return 0;
}
#endif

#define on_switch   run_switch
#define on_migrate  run_migrate
#define on_progress run_progress
#include "kernel.h"
#include "kernel-fields.h"
#include "maps.h"
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FIRST_PID	1000
#define BUSY_SHARE	8	   /* one in so many threads is the busy cgroup's */
#define KERNEL_SHARE	16	   /* one in so many is a kernel thread */
#define PREEMPTED_SHARE 4	   /* one in so many switches pushes its thread off */
#define MOVED_SHARE	32	   /* after one in so many a CPU takes a waiting thread from another one */
#define WOKEN_NEAR	8	   /* one in so many wakes up on another CPU of its cache, */
#define WOKEN_FAR	64	   /* or anywhere */
#define READING		1000000000 /* ns between two readings */
#define MAX_QUEUE	64
#define MAX_AWAKE	3 /* waiting threads of a CPU from which on no more wake up there */
#define ONE_WAKES	3 /* in one of so many rounds a thread wakes up, */
#define SEVERAL_WAKE	6 /* in one of so many of the others SEVERAL */
#define SEVERAL		3
#define NS_OF_ROUND	150000
#define NS_TO_WAKE	2000

struct queue {
	struct thread *waiting[MAX_QUEUE];
	unsigned int length;
};

static struct queue queues[CPUS];
static unsigned long every_cpu[CPUS / 64];
static u32 cpu_count, cache_cpus, thread_count;
static u64 dice = 0x9E3779B97F4A7C15ULL;

static u32 roll(u32 sides)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (dice >> 32) * sides >> 32;
}

unsigned int bpf_get_prandom_u32(void)
{
	return roll(~0u);
}

_Bool shim_kernel_has(const char *field)
{
	return true;
}

/* Most of what happens is done by few threads, as on a real node. */
static struct thread *pick_sleeper(u32 cpu)
{
	u64 of_cpu = thread_count / cpu_count, r = roll(1u << 20);
	u32 at = (u32)(of_cpu * (r * r >> 20) * r >> 40);

	return &threads[at * cpu_count + cpu];
}

static void put(u32 cpu, struct thread *thread)
{
	struct queue *queue = &queues[cpu];

	if (queue->length == MAX_QUEUE) {
		fprintf(stderr, "cannot schedule: a queue is too long\n");
		exit(1);
	}
	queue->waiting[queue->length++] = thread;
}

static struct thread *take(u32 cpu)
{
	struct queue *queue = &queues[cpu];
	struct thread *first = queue->waiting[0];

	if (!queue->length)
		return NULL;
	memmove(queue->waiting, queue->waiting + 1, --queue->length * sizeof(first));
	return first;
}

static bool is_asleep(struct thread *thread)
{
	return !thread->task.on_rq;
}

/* Of the same cache. */
static u32 neighbor(u32 cpu)
{
	u32 size = cache_cpus < cpu_count ? cache_cpus : cpu_count;

	return cpu / size * size + roll(size);
}

static void wake_one(u32 cpu)
{
	struct thread *thread = pick_sleeper(cpu);
	u32 on = thread->cpu;

	if (!is_asleep(thread))
		return;
	if (!roll(WOKEN_NEAR))
		on = neighbor(on);
	else if (!roll(WOKEN_FAR))
		on = roll(cpu_count);
	if (queues[on].length >= MAX_AWAKE)
		return;
	acting_cpu = cpu;
	if (on != thread->cpu)
		run_migrate(&thread->task, on);
	kernel_wake(thread, on);
	run_wakeup(&thread->task);
	put(on, thread);
}

static void balance(u32 cpu)
{
	u32 from = neighbor(cpu);
	struct thread *thread;

	if (from == cpu || queues[from].length < 2 || queues[cpu].length >= MAX_AWAKE)
		return;
	thread = take(from);
	kernel_migrate(thread, cpu, cpu);
	put(cpu, thread);
}

static void switch_one(u32 cpu, bool is_pushed_off)
{
	struct thread *prev = running[cpu], *next = take(cpu);

	is_pushed_off &= next != NULL;
	kernel_switch(cpu, next, is_pushed_off ? FATE_PREEMPTED : FATE_SLEEPS, true);
	if (is_pushed_off)
		put(cpu, prev);
}

/* A CPU's share of a round: threads wake up, an idle CPU takes one at once, a busy one goes on until its
 * slice ends. */
static bool run_cpu(u32 cpu, u64 now)
{
	bool is_idle = running[cpu] == &swappers[cpu];

	kernel_clock(cpu, now + roll(NS_OF_ROUND / 2), now / 100);
	for (u32 i = roll(ONE_WAKES) ? roll(SEVERAL_WAKE) ? 0 : SEVERAL : 1; i; i--)
		wake_one(cpu);
	if (!roll(MOVED_SHARE))
		balance(cpu);
	if (is_idle && !queues[cpu].length)
		return false;
	kernel_clock(cpu, rqs[cpu].clock + NS_TO_WAKE + roll(is_idle ? NS_TO_WAKE : NS_OF_ROUND / 4),
		     now / 100);
	switch_one(cpu, !is_idle && !roll(PREEMPTED_SHARE));
	return true;
}

static void run_switches(u64 count, u64 *now)
{
	u64 next_reading = *now + READING;

	while (count) {
		u32 step = roll(cpu_count) | 1,
		    first = roll(cpu_count); /* in any order: their number is a power of two */

		*now += NS_OF_ROUND;
		for (u32 i = 0; i < cpu_count && count; i++)
			count -= run_cpu((first + i * step) % cpu_count, *now);
		if (*now >= next_reading) {
			next_reading += READING;
			kernel_iterate(roll(cpu_count));
		}
	}
}

/* User space sets them before loading; here they are symbols, as large as they are. */
static void set_constant(const char *name, u64 value)
{
	void *address = dlsym(RTLD_DEFAULT, name);
	size_t page = sysconf(_SC_PAGESIZE);
	const ElfW(Sym) * symbol;
	Dl_info info;

	if (!address || !dladdr1(address, &info, (void **)&symbol, RTLD_DL_SYMENT) ||
	    symbol->st_size > sizeof(value)) {
		fprintf(stderr, "cannot set %s: there is no such constant\n", name);
		exit(1);
	}
	mprotect((void *)((unsigned long)address & ~(page - 1)), page, PROT_READ | PROT_WRITE);
	memcpy(address, &value, symbol->st_size);
}

static void set_size(char *argument)
{
	char *at = strpbrk(argument, "=:"), kind = at ? *at : 0;

	if (!at) {
		fprintf(stderr, "cannot read %s\n", argument);
		exit(1);
	}
	*at = 0;
	if (kind == '=')
		set_constant(argument, strtoull(at + 1, NULL, 10));
	else
		maps_size(argument, strtoul(at + 1, NULL, 10));
}

/* Neighbouring pids are threads of one cgroup, on neighbouring CPUs: a pool. */
static void add_threads(u32 cgroups)
{
	u32 busy = thread_count / BUSY_SHARE;

	memset(every_cpu, 0xff, sizeof(every_cpu));
	for (u32 i = 0; i < thread_count; i++) {
		u32 group = 1 + (i < busy ? 0 : 1 + (u64)(i - busy) * (cgroups - 1) / (thread_count - busy));

		kernel_add_thread(&threads[i], FIRST_PID + i, group, 0,
				  i % KERNEL_SHARE == KERNEL_SHARE - 1 && i >= busy ? KIND_KERNEL
										    : KIND_FAIR);
		threads[i].task.cpus_ptr = (struct cpumask *)every_cpu;
		threads[i].cpu = i % cpu_count;
		set_group(&threads[i], threads[i].group);
	}
}

int main(int count, char **arguments)
{
	u64 now = 1000000000, switches;
	u32 cgroups;

	if (count < 6)
		return 2;
	cpu_count = atoi(arguments[1]);
	cache_cpus = atoi(arguments[2]);
	cgroups = atoi(arguments[3]);
	thread_count = atoi(arguments[4]);
	switches = strtoull(arguments[5], NULL, 10);
	for (int i = 6; i < count; i++)
		set_size(arguments[i]);
	kernel_reset();
	for (u32 i = 0; i < cgroups; i++)
		kernel_add_group(0, 2 + i, 1000 + i, 5000 + i, false);
	add_threads(cgroups);
	lines_share_cache(cache_cpus);
	lines_kernel(threads, sizeof(threads[0]), THREADS, task_fields);
	lines_kernel(swappers, sizeof(swappers[0]), CPUS, task_fields);
	lines_kernel(rqs, sizeof(rqs[0]), CPUS, rq_fields);
	lines_kernel(groups, sizeof(groups[0]), GROUPS, group_fields);
	run_switches(switches, &now); /* until each has its entries and cells */
	lines_reset();
	run_switches(switches, &now);
	lines_print(event_names, EVENT_COUNT);
	return 0;
}
