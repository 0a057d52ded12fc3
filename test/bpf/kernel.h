/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the scheduler of Linux keeps of tasks, groups and run queues, as far as the programs read it, and
 * when: after kernel/sched/stats.h for `sched_info`, kernel/sched/fair.c for throttling. Included after the
 * programs, which it calls where the kernel has the tracepoints.
 */
#ifndef EARSHOT_WALK_KERNEL_H
#define EARSHOT_WALK_KERNEL_H

#ifndef CPUS /* a machine of a test; bench/lines has large ones */
#define CPUS	4
#define GROUPS	64
#define THREADS 128
#endif
#define SLEEPING       1
#define REAL_TIME_PRIO 50
#define FAIR_PRIO      120

struct group {
	struct task_group tg;
	struct cgroup cgroup;
	struct kernfs_node kn;
	struct css_set set;
	struct group *parent; /* NULL: the root */
	struct cfs_rq cfs_rq[CPUS];
	struct sched_entity se[CPUS];
	u32 queued[CPUS]; /* tasks of it and below, running ones included */
};

struct thread {
	struct task_struct task;
	struct group *group;
	int cpu;
};

static struct rq rqs[CPUS];
static struct group groups[GROUPS];
static struct thread threads[THREADS], swappers[CPUS], *running[CPUS];
static u32 group_count, acting_cpu;
static struct cpumask all_cpus = {.bits = {(2UL << (CPUS - 1) % 64) - 1}};

unsigned int bpf_get_smp_processor_id(void)
{
	return acting_cpu;
}

/* CLOCK_MONOTONIC has nothing to do with rq->clock. */
unsigned long long bpf_ktime_get_ns(void)
{
	return rqs[acting_cpu].clock / 2;
}

static bool is_under(struct group *group, struct group *ancestor)
{
	while (group && group != ancestor)
		group = group->parent;
	return group;
}

static void set_group(struct thread *thread, struct group *group)
{
	thread->group = group;
	thread->task.cgroups = &group->set;
	thread->task.sched_task_group = &group->tg;
	thread->task.se.cfs_rq = &group->cfs_rq[thread->cpu];
	thread->task.se.parent = group->parent ? &group->se[thread->cpu] : NULL;
}

static void list_remove(struct list_head *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
}

static void list_add(struct list_head *node, struct list_head *head)
{
	*node = (struct list_head){.next = head->next, .prev = head};
	head->next->prev = node;
	head->next = node;
}

static void queue_in_groups(struct thread *thread)
{
	if (thread->task.prio >= MAX_RT_PRIO)
		list_add(&thread->task.se.group_node, &rqs[thread->cpu].cfs_tasks);
	for (struct group *group = thread->group; group; group = group->parent) {
		struct cfs_rq *cfs_rq = &group->cfs_rq[thread->cpu];

		if (!group->queued[thread->cpu]++ && cfs_rq->throttle_count && !throttles_tasks() &&
		    !cfs_rq->throttled_clock_self)
			cfs_rq->throttled_clock_self = cfs_rq->rq->clock;
	}
}

static void unqueue_in_groups(struct thread *thread)
{
	if (thread->task.prio >= MAX_RT_PRIO)
		list_remove(&thread->task.se.group_node);
	for (struct group *group = thread->group; group; group = group->parent)
		group->queued[thread->cpu]--;
}

static void stamp(struct thread *thread)
{
	if (!thread->task.sched_info.last_queued)
		thread->task.sched_info.last_queued = rqs[thread->cpu].clock;
}

/* Ends what sched_info takes for a wait. */
static void unstamp(struct thread *thread)
{
	struct sched_info *info = &thread->task.sched_info;

	if (info->last_queued)
		info->run_delay += rqs[thread->cpu].clock - info->last_queued;
	info->last_queued = 0;
}

static void kernel_wake(struct thread *thread, int cpu)
{
	thread->task.__state = 0;
	if (thread->task.se.sched_delayed) {
		thread->task.se.sched_delayed = 0;
	} else {
		if (thread->cpu != cpu) { /* set_task_cpu() */
			acting_cpu = cpu;
			on_migrate(&thread->task, cpu);
		}
		thread->cpu = cpu;
		set_group(thread, thread->group);
		thread->task.on_rq = TASK_ON_RQ_QUEUED;
		queue_in_groups(thread);
	}
	stamp(thread);
}

/* A sleeper that was left on the queue is picked, and taken off. */
static void kernel_drop_sleeper(struct thread *thread)
{
	thread->task.se.sched_delayed = 0;
	thread->task.on_rq = 0;
	unqueue_in_groups(thread);
}

enum fate {
	FATE_PREEMPTED,
	FATE_SLEEPS,
	FATE_LEFT_QUEUED,
	FATE_THROTTLED,
	FATE_DIES,
};

static void leave_cpu(struct thread *prev, enum fate fate)
{
	if (fate == FATE_SLEEPS || fate == FATE_DIES) {
		prev->task.__state = fate == FATE_DIES ? TASK_DEAD : SLEEPING;
		prev->task.on_rq = 0;
		unqueue_in_groups(prev);
	} else if (fate == FATE_LEFT_QUEUED) {
		prev->task.__state = SLEEPING;
		prev->task.se.sched_delayed = 1;
	} else if (fate == FATE_THROTTLED) {
		prev->task.throttled = 1;
		for (struct group *group = prev->group; group; group = group->parent) {
			struct cfs_rq *cfs_rq = &group->cfs_rq[prev->cpu];

			if (cfs_rq->throttle_count && !cfs_rq->throttled_clock_self)
				cfs_rq->throttled_clock_self = cfs_rq->rq->clock;
		}
	}
}

/* The quota that the task which leaves a CPU next uses up, or NULL. */
static struct group *running_out;

static void kernel_throttle(struct group *group, int cpu);

/*
 * __schedule(): the tracepoint comes before sched_info is brought up to date. `next` NULL: the CPU goes idle.
 * `is_traced`: the tracepoint calls the program; the kernel leaves it out where another one is running on
 * that CPU.
 */
static void kernel_switch(int cpu, struct thread *next, enum fate fate, bool is_traced)
{
	struct thread *prev = running[cpu];

	if (!next)
		next = &swappers[cpu];
	if (prev != &swappers[cpu])
		leave_cpu(prev, fate);
	if (running_out)
		kernel_throttle(running_out, cpu);
	running_out = NULL;
	acting_cpu = cpu;
	if (is_traced)
		on_switch(fate == FATE_PREEMPTED, &prev->task, &next->task);
	running[cpu] = next;
	next->task.on_cpu = 1;
	prev->task.on_cpu = 0;
	if (prev != &swappers[cpu] && !prev->task.__state)
		stamp(prev);
	if (next != &swappers[cpu]) {
		unstamp(next);
		next->task.sched_info.last_arrival = rqs[cpu].clock;
		next->task.sched_info.pcount++;
	}
}

/* `by`: the CPU that does it, under the lock of the one the task is on. */
static void kernel_migrate(struct thread *thread, int cpu, int by)
{
	thread->task.on_rq = TASK_ON_RQ_MIGRATING;
	unqueue_in_groups(thread);
	unstamp(thread);
	acting_cpu = by;
	on_migrate(&thread->task, cpu);
	thread->cpu = cpu;
	set_group(thread, thread->group);
	thread->task.on_rq = TASK_ON_RQ_QUEUED;
	if (!thread->group->cfs_rq[cpu].throttle_count)
		thread->task.throttled = 0;
	queue_in_groups(thread);
	stamp(thread);
}

/* sched_move_task() keeps the stamp (DEQUEUE_SAVE, ENQUEUE_RESTORE). */
static void kernel_move(struct thread *thread, struct group *group)
{
	bool is_queued = thread->task.on_rq;

	if (is_queued)
		unqueue_in_groups(thread);
	set_group(thread, group);
	if (!group->cfs_rq[thread->cpu].throttle_count)
		thread->task.throttled = 0;
	if (is_queued)
		queue_in_groups(thread);
}

static void kernel_throttle(struct group *group, int cpu)
{
	for (struct group *below = groups; below < groups + group_count; below++) {
		struct cfs_rq *cfs_rq = &below->cfs_rq[cpu];

		if (!is_under(below, group) || cfs_rq->throttle_count++)
			continue;
		cfs_rq->throttled_clock_pelt = cfs_rq->rq->clock_pelt;
		if (!throttles_tasks() && below->queued[cpu])
			cfs_rq->throttled_clock_self = cfs_rq->rq->clock;
	}
}

static void kernel_unthrottle(struct group *group, int cpu)
{
	for (struct group *below = groups; below < groups + group_count; below++) {
		struct cfs_rq *cfs_rq = &below->cfs_rq[cpu];

		if (!is_under(below, group) || --cfs_rq->throttle_count)
			continue;
		cfs_rq->throttled_clock_pelt_time += cfs_rq->rq->clock_pelt - cfs_rq->throttled_clock_pelt;
		if (cfs_rq->throttled_clock_self)
			cfs_rq->throttled_clock_self_time += cfs_rq->rq->clock - cfs_rq->throttled_clock_self;
		cfs_rq->throttled_clock_self = 0;
		for (struct thread *thread = threads; thread < threads + THREADS; thread++)
			if (thread->cpu == cpu && thread->group == below)
				thread->task.throttled = 0;
	}
}

/* The iterator has written that a task is to be visited again. */
static bool is_to_visit_again;

long bpf_seq_write(struct seq_file *file, const void *bytes, u32 count)
{
	is_to_visit_again |= *(const bool *)bytes;
	return 0;
}

/* One read of the iterator over all tasks, on this CPU: those from `thread` on, up to `end`. */
static void kernel_visit(int cpu, struct thread *thread, const struct thread *end)
{
	struct bpf_iter_meta meta = {};

	is_to_visit_again = false;
	for (; thread < end; thread++) {
		struct bpf_iter__task context = {.meta = &meta, .task = &thread->task};

		acting_cpu = cpu;
		if (thread->task.pid)
			on_progress(&context);
	}
	if (end == threads + THREADS)
		on_progress(&(struct bpf_iter__task){.meta = &meta});
}

/* The iterator over all tasks, read on this CPU, and once more if it returned that. */
static void kernel_iterate(int cpu)
{
	kernel_visit(cpu, threads, threads + THREADS);
	if (is_to_visit_again)
		kernel_visit(cpu, threads, threads + THREADS);
}

static void kernel_clock(int cpu, u64 clock, u64 stolen)
{
	rqs[cpu].clock = clock;
	rqs[cpu].clock_task = clock - stolen;
	rqs[cpu].clock_pelt = clock - stolen;
}

/* Under a parent that is not throttled. */
static void kernel_add_group(u32 parent, u32 slot, u64 serial, u64 cgroup, bool has_quota)
{
	struct group *group = &groups[group_count];

	*group = (struct group){
		.tg.css = {.id = slot, .serial_nr = serial, .cgroup = &group->cgroup},
		.cgroup.kn = &group->kn,
		.kn.id = cgroup,
		.parent = group_count ? &groups[parent] : NULL,
	};
	group->set.subsys[cpu_cgrp_id] = &group->tg.css;
	group->cgroup.subsys[cpu_cgrp_id] = &group->tg.css;
	for (int cpu = 0; cpu < CPUS; cpu++) {
		group->cfs_rq[cpu].rq = &rqs[cpu];
		group->cfs_rq[cpu].tg = &group->tg;
		group->cfs_rq[cpu].runtime_enabled = has_quota;
		if (!group->parent)
			continue;
		group->se[cpu].cfs_rq = &group->parent->cfs_rq[cpu];
		group->se[cpu].parent = group->parent->parent ? &group->parent->se[cpu] : NULL;
	}
	group_count++;
}

/* What a thread is, as the driver's numbers have it. */
enum thread_kind {
	KIND_FAIR,
	KIND_KERNEL,
	KIND_REAL_TIME,
};

static void kernel_add_thread(struct thread *thread, u32 pid, u32 group, u32 flags, enum thread_kind kind)
{
	*thread = (struct thread){.task = {.pid = pid,
					   .tgid = pid,
					   .flags = flags | (kind == KIND_KERNEL ? PF_KTHREAD : 0),
					   .prio = kind == KIND_REAL_TIME ? REAL_TIME_PRIO : FAIR_PRIO,
					   .comm = "thread",
					   .cpus_ptr = &all_cpus}};
	set_group(thread, &groups[group]);
}

static void kernel_reset(void)
{
	group_count = 0;
	for (int i = 0; i < THREADS; i++)
		threads[i] = (struct thread){};
	kernel_add_group(0, 1, 1, 1, false);
	for (int cpu = 0; cpu < CPUS; cpu++) {
		rqs[cpu] = (struct rq){.cpu = cpu};
		rqs[cpu].cfs_tasks = (struct list_head){&rqs[cpu].cfs_tasks, &rqs[cpu].cfs_tasks};
		kernel_add_thread(&swappers[cpu], 0, 0, PF_IDLE, KIND_KERNEL);
		swappers[cpu].cpu = cpu;
		set_group(&swappers[cpu], &groups[0]);
		running[cpu] = &swappers[cpu];
	}
}

#endif
