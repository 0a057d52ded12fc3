import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEvent } from '../../../../bench/accuracy/perf/events.ts';

const at = { time: 33_556_000_000_007, cpu: 1 };
const parse = (text: string) => parseEvent(`  381 [001] 33556.000000007: ${text}`);

test('a switch has the threads and whether the former could run on', () => {
  const of = (state: string) =>
    parse(
      `      sched:sched_switch: prev_comm=a b prev_pid=5 prev_prio=120 prev_state=${state} ==> next_comm=c ==> d next_pid=6 next_prio=-1`,
    );
  assert.deepEqual(of('R'), { ...at, kind: 'switch', prev: 5, next: 6, isPrevRunnable: true });
  assert.deepEqual(of('R+'), of('R'));
  assert.deepEqual(of('S'), { ...at, kind: 'switch', prev: 5, next: 6, isPrevRunnable: false });
});

test("perf's own records of a switch name thread ids, not process ids", () => {
  assert.deepEqual(parse('PERF_RECORD_SWITCH_CPU_WIDE OUT preempt  next pid/tid:  68/7 '), {
    ...at,
    kind: 'switched_out',
    next: 7,
    isPrevRunnable: true,
  });
  assert.deepEqual(parse('PERF_RECORD_SWITCH_CPU_WIDE OUT          next pid/tid:  68/-1 '), {
    ...at,
    kind: 'switched_out',
    next: -1,
    isPrevRunnable: false,
  });
  assert.deepEqual(parse('PERF_RECORD_SWITCH_CPU_WIDE IN           prev pid/tid:  68/7 '), {
    ...at,
    kind: 'switched_in',
    prev: 7,
    next: 381,
  });
});

test('a thread with a name like an event is read by its id', () => {
  assert.deepEqual(parse('sched:sched_wakeup: comm=x pid=1 prio=2 pid=9 prio=120 target_cpu=000'), {
    ...at,
    kind: 'wakeup',
    thread: 9,
    on: 0,
  });
});

test('moves, forks, changes of cgroup and refills of quotas are read', () => {
  assert.deepEqual(parse('sched:sched_migrate_task: comm=x pid=9 prio=120 orig_cpu=0 dest_cpu=1'), {
    ...at,
    kind: 'migrate',
    thread: 9,
    to: 1,
  });
  assert.deepEqual(parse('sched:sched_process_fork: comm=sh pid=3 child_comm=sh child_pid=4'), {
    ...at,
    kind: 'fork',
    parent: 3,
    child: 4,
  });
  assert.deepEqual(
    parse('cgroup:cgroup_attach_task: dst_root=2 dst_id=81 dst_level=1 dst_path=/a b pid=9 comm=sh'),
    { ...at, kind: 'attach', hierarchy: 2, path: '/a b', thread: 9 },
  );
  assert.deepEqual(parse('timer:hrtimer_expire_entry: hrtimer=0xff function=sched_cfs_period_timer now=1'), {
    ...at,
    kind: 'quota_refill',
    timer: '0xff',
  });
});

test('an event that is not known is refused, so that none goes missing', () => {
  assert.throws(() => parse('sched:sched_stuck: comm=x'), /cannot read an event of perf: .*sched_stuck/);
  assert.throws(() => parseEvent('WARNING: perf has no idea'), /cannot read an event/);
  assert.equal(parseEvent(''), undefined);
});
