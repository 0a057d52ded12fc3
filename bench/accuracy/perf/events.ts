/** What perf recorded, an event a line of `perf script`; `time` in ns since the boot of the machine. */
export type PerfEvent = { readonly time: number; readonly cpu: number } & (
  | {
      readonly kind: 'switch';
      readonly prev: number;
      readonly next: number;
      readonly isPrevRunnable: boolean;
    }
  /** perf's own two records of a switch (PERF_RECORD_SWITCH), which are no tracepoints. -1: a thread that has ended. */
  | { readonly kind: 'switched_out'; readonly next: number; readonly isPrevRunnable: boolean }
  | { readonly kind: 'switched_in'; readonly prev: number; readonly next: number }
  | { readonly kind: 'wakeup'; readonly thread: number; readonly on: number }
  | { readonly kind: 'migrate'; readonly thread: number; readonly to: number }
  | { readonly kind: 'fork'; readonly parent: number; readonly child: number }
  | { readonly kind: 'attach'; readonly hierarchy: number; readonly path: string; readonly thread: number }
  /** The timer that gives cgroups their quota anew has expired. */
  | { readonly kind: 'quota_refill'; readonly timer: string }
);

type Content<Of = PerfEvent> = Of extends PerfEvent ? Omit<Of, 'time' | 'cpu'> : never;

interface Pattern {
  readonly starts: string;
  readonly fields: RegExp;
  /** `current`: the thread on the CPU. */
  read(fields: readonly string[], current: number): Content;
}

const wakeup = {
  fields: / pid=(\d+) prio=-?\d+ target_cpu=(\d+)$/,
  read: ([thread, on]: readonly string[]): Content => ({
    kind: 'wakeup',
    thread: Number(thread),
    on: Number(on),
  }),
};

/** A thread may have any name: what stands before the fields is skipped to the last match. */
const patterns: readonly Pattern[] = [
  {
    starts: 'sched:sched_switch:',
    fields: / prev_pid=(\d+) prev_prio=-?\d+ prev_state=(\S+) ==> .* next_pid=(\d+) next_prio=-?\d+$/,
    read: ([prev, state, next]) => ({
      kind: 'switch',
      prev: Number(prev),
      next: Number(next),
      isPrevRunnable: state === 'R' || state === 'R+',
    }),
  },
  {
    starts: 'PERF_RECORD_SWITCH_CPU_WIDE IN',
    fields: /IN +prev pid\/tid: +-?\d+\/(-?\d+)$/,
    read: ([prev], current) => ({ kind: 'switched_in', prev: Number(prev), next: current }),
  },
  {
    starts: 'PERF_RECORD_SWITCH_CPU_WIDE OUT',
    fields: /OUT( preempt)? +next pid\/tid: +-?\d+\/(-?\d+)$/,
    read: ([preempt, next]) => ({
      kind: 'switched_out',
      next: Number(next),
      isPrevRunnable: preempt !== undefined,
    }),
  },
  { starts: 'sched:sched_wakeup:', ...wakeup },
  { starts: 'sched:sched_wakeup_new:', ...wakeup },
  {
    starts: 'sched:sched_migrate_task:',
    fields: / pid=(\d+) prio=-?\d+ orig_cpu=\d+ dest_cpu=(\d+)$/,
    read: ([thread, to]) => ({ kind: 'migrate', thread: Number(thread), to: Number(to) }),
  },
  {
    starts: 'sched:sched_process_fork:',
    fields: / pid=(\d+) child_comm=.* child_pid=(\d+)$/,
    read: ([parent, child]) => ({ kind: 'fork', parent: Number(parent), child: Number(child) }),
  },
  {
    starts: 'cgroup:cgroup_attach_task:',
    fields: /dst_root=(\d+) dst_id=\d+ dst_level=\d+ dst_path=(.*) pid=(\d+) comm=/,
    read: ([hierarchy, path = '', thread]) => ({
      kind: 'attach',
      hierarchy: Number(hierarchy),
      path,
      thread: Number(thread),
    }),
  },
  {
    starts: 'timer:hrtimer_expire_entry:',
    fields: /hrtimer=(\S+) /,
    read: ([timer = '']) => ({ kind: 'quota_refill', timer }),
  },
];

/** undefined: a line that says nothing. Throws at one that is not known, so that no event goes missing. */
export function parseEvent(line: string): PerfEvent | undefined {
  const head = /^ *(-?\d+) +\[(\d+)\] +(\d+)\.(\d{9}): +/.exec(line);
  if (!head) {
    if (line.trim() === '') return undefined;
    throw new Error(`cannot read an event of perf: ${line}`);
  }
  const [{ length }, current, cpu, wholeSeconds, fraction] = head;
  const text = line.slice(length).trimEnd();
  const pattern = patterns.find(({ starts }) => text.startsWith(starts));
  const found = pattern?.fields.exec(text);
  if (!pattern || !found) throw new Error(`cannot read an event of perf: ${line}`);
  const time = Number(wholeSeconds) * 1e9 + Number(fraction);
  return { time, cpu: Number(cpu), ...pattern.read(found.slice(1), Number(current)) } as PerfEvent;
}
