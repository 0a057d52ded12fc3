import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CgroupChange, openRegistry, type RegistryOptions } from '../../../src/cgroup/registry.ts';
import {
  type CgroupId,
  cgroupId,
  type MonotonicNanoseconds,
  seconds,
  type UnixNanoseconds,
} from '../../../src/telemetry/units.ts';

const second = 1_000_000_000n;
const boot = 1_800_000_000n * second;

/** A machine whose clock stands still until it is set, in seconds since boot. */
function machine(options: Partial<RegistryOptions> = {}) {
  const directories = new Map<CgroupId, string>();
  const state = { now: 100n * second, scans: 0, hidden: false, unreadable: 0, scanTakes: 0 };
  const known = { living: 0, removed: 0 };
  const lost: string[] = [];
  const registry = openRegistry({
    maxCgroups: 1000,
    keepRemoved: seconds(600),
    scan() {
      state.scans++;
      state.now += BigInt(state.scanTakes * 1e9);
      if (state.hidden) return undefined;
      return {
        cgroups: new Map(directories),
        unreadable: state.unreadable,
        covers: () => state.unreadable === 0,
      };
    },
    monotonic: () => state.now as MonotonicNanoseconds,
    now: () => (boot + state.now) as UnixNanoseconds,
    known: (kind, by) => {
      known[kind] += by;
    },
    lose: (reason) => lost.push(reason),
    ...options,
  });
  const learn = (kind: CgroupChange['kind'], id: bigint, path: string | undefined, at?: number) =>
    registry.apply({
      ...{ kind, id: cgroupId(id), path },
      ...(at !== undefined && { at: BigInt(Math.round(at * 1e9)) as MonotonicNanoseconds }),
    });
  return {
    ...{ registry, state, known, lost, learn },
    exists: (id: bigint, path: string) => void directories.set(cgroupId(id), path),
    isGone: (id: bigint) => void directories.delete(cgroupId(id)),
    set: (to: number) => {
      state.now = BigInt(Math.round(to * 1e9));
    },
    /** At so many seconds since boot. */
    path: (id: bigint, at?: number) =>
      at === undefined
        ? registry.path(cgroupId(id))
        : registry.path(cgroupId(id), (boot + BigInt(Math.round(at * 1e9))) as UnixNanoseconds),
    living: () => [...registry.living()].map(({ path }) => path).sort(),
  };
}

test('cgroups that exist at start are known at once, and for all time before', () => {
  const directories = new Map([[cgroupId(5n), '/a']]);
  let scans = 0;
  const scan = () => {
    scans++;
    return { cgroups: directories, unreadable: 0, covers: () => true };
  };
  const { path } = machine({ scan });
  assert.equal(scans, 1);
  assert.deepEqual([path(5n), path(5n, 100), path(5n, 1)], ['/a', '/a', '/a']);
  assert.equal(scans, 1, 'without another look');
});

test('a cgroup has its path from its creation until long after its removal', () => {
  const { learn, path, set } = machine();
  learn('made', 7n, '/a', 100);
  learn('removed', 7n, '/a', 100.2);
  set(101);
  assert.equal(path(7n), '/a');
  assert.equal(path(7n, 100.1), '/a');
  assert.equal(path(7n, 100.9), '/a', 'late data');
  assert.equal(path(7n, 99), undefined, 'the id was free then');
  set(700);
  assert.equal(path(7n), '/a');
  set(701);
  assert.equal(path(7n), undefined, 'kept for ten minutes');
});

test('a reused id has the new path from its creation on, and not before', () => {
  const { learn, path, set } = machine();
  learn('made', 7n, '/former', 10);
  learn('removed', 7n, '/former', 20);
  learn('made', 7n, '/latter', 30);
  set(40);
  assert.deepEqual(
    [15, 25, 29.9, 30, 35].map((at) => path(7n, at)),
    ['/former', '/former', '/former', '/latter', '/latter'],
  );
  assert.equal(path(7n), '/latter');
});

test('data stamped a few milliseconds before the creation, by a coarse clock, has the path if the id was free then', () => {
  const { learn, path, set } = machine();
  learn('made', 7n, '/former', 10);
  assert.equal(path(7n, 9.996), '/former');
  assert.equal(path(7n, 9.99), undefined);
  learn('removed', 7n, '/former', 20);
  learn('made', 7n, '/latter', 20.001);
  set(30);
  assert.equal(path(7n, 19.999), '/former');
  assert.equal(path(7n, 20.0005), '/latter');
});

test('times stay right after a change of the wall clock', () => {
  let offset = boot;
  const wall = () => (offset + 50n * second) as UnixNanoseconds;
  const { registry, learn, set } = machine({ now: wall });
  learn('made', 7n, '/a', 40);
  set(50);
  offset -= 3600n * second;
  assert.equal(registry.path(cgroupId(7n), wall()), '/a');
});

test('a rename changes the paths of all descendants, from then on', () => {
  const { learn, path, set, living } = machine();
  learn('made', 1n, '/a', 1);
  learn('made', 2n, '/a/b', 2);
  learn('made', 3n, '/ab', 3);
  learn('made', 4n, '/a/gone', 4);
  learn('removed', 4n, '/a/gone', 5);
  learn('renamed', 1n, '/z', 10);
  set(20);
  assert.deepEqual(
    [1n, 2n, 3n, 4n].map((id) => path(id)),
    ['/z', '/z/b', '/ab', '/a/gone'],
  );
  assert.deepEqual(
    [1n, 2n].map((id) => path(id, 9)),
    ['/a', '/a/b'],
  );
  assert.deepEqual(living(), ['/ab', '/z', '/z/b']);
  learn('made', 5n, '/z/c', 21);
  learn('renamed', 1n, '/a', 22);
  set(23);
  assert.deepEqual(living(), ['/a', '/a/b', '/a/c', '/ab']);
});

test('an unknown id causes at most one scan a second', () => {
  const { path, exists, set, state } = machine();
  exists(7n, '/late');
  set(100.9);
  assert.equal(path(7n), undefined);
  set(101);
  assert.equal(path(7n), '/late');
  assert.equal(path(8n), undefined);
  assert.equal(state.scans, 2);
});

test('slow scans are made less often', () => {
  const { path, state, set, registry } = machine();
  state.scanTakes = 0.5;
  registry.scan();
  set(150.4);
  path(7n);
  assert.equal(state.scans, 2);
  set(150.5);
  path(7n);
  assert.equal(state.scans, 3, 'a hundredth of the time at most');
});

test('a cgroup found by a scan was created after the scan before, until its event gives the time', () => {
  const { path, exists, set, learn } = machine();
  exists(7n, '/a');
  set(110);
  assert.equal(path(7n), '/a');
  assert.equal(path(7n, 101), '/a');
  assert.equal(path(7n, 99), undefined, 'it was not there then');
  learn('made', 7n, '/a', 105);
  assert.equal(path(7n, 101), undefined);
  assert.equal(path(7n, 106), '/a');
});

test('without events a lookup causes a scan, at most once a second', () => {
  const { living, exists, isGone, set, state } = machine();
  exists(1n, '/a');
  exists(2n, '/b');
  set(101);
  assert.deepEqual(living(), ['/a', '/b']);
  isGone(1n);
  exists(3n, '/c');
  assert.deepEqual(living(), ['/a', '/b']);
  set(102);
  assert.deepEqual(living(), ['/b', '/c']);
  assert.equal(state.scans, 3);
});

test('with events scans are made only now and then, as verification', () => {
  const { living, exists, set, state, registry } = machine();
  const unfollow = registry.follow(() => {});
  assert.equal(state.scans, 2, 'for what was made since the first look');
  exists(1n, '/a');
  set(399);
  assert.deepEqual(living(), []);
  set(400);
  assert.deepEqual(living(), ['/a']);
  unfollow();
  exists(2n, '/b');
  set(402);
  assert.deepEqual(living(), ['/a', '/b'], 'there are no events any more');
});

test('lost events are recovered by a scan', () => {
  const { living, path, exists, isGone, set, registry, learn, state } = machine();
  registry.follow(() => {});
  exists(1n, '/a');
  learn('made', 1n, '/a', 100);
  learn('made', 2n, '/gone', 100);
  exists(3n, '/c');
  isGone(2n);
  registry.markStale();
  assert.equal(path(1n), '/a');
  assert.equal(state.scans, 2, 'not within a second of the last look');
  set(101);
  assert.deepEqual(living(), ['/a', '/c']);
  assert.equal(path(2n), '/gone', 'but it keeps its name');
  living();
  assert.equal(state.scans, 3, 'once is enough');
});

test('pending events are applied before a scan, so that the scan is the latest', () => {
  const { registry, path, exists, set, learn, living } = machine();
  let pending: (() => void)[] = [];
  registry.follow(() => {
    for (const emit of pending) emit();
    pending = [];
  });
  // made, renamed, removed; another made, and seen by the look
  pending.push(() => learn('made', 1n, '/x', 100.1));
  pending.push(() => learn('removed', 1n, '/x', 100.3));
  pending.push(() => learn('made', 2n, '/y', 100.4));
  exists(2n, '/y');
  set(105);
  assert.equal(path(1n), '/x', 'gone before the first lookup');
  assert.deepEqual(living(), ['/y']);
  assert.equal(path(2n, 100.2), undefined);
});

test('events during a scan yield the same state', () => {
  const { registry, path, exists, isGone, set, learn, living } = machine();
  registry.follow(() => {});
  exists(1n, '/former');
  exists(2n, '/moved');
  set(102);
  registry.scan();
  // the scan finds their successors
  exists(1n, '/latter');
  isGone(2n);
  set(105);
  registry.scan();
  exists(2n, '/moved-on');
  learn('removed', 1n, '/former', 105.001);
  learn('made', 1n, '/latter', 105.002);
  learn('renamed', 2n, '/moved-on', 105.003);
  set(110);
  assert.deepEqual(living(), ['/latter', '/moved-on']);
  assert.deepEqual([path(1n, 104), path(1n, 109)], ['/former', '/latter']);
  assert.deepEqual([path(2n, 104), path(2n, 109)], ['/moved', '/moved-on']);
});

test('a removed cgroup without a creation event has the path of its removal event', () => {
  const { learn, path, living } = machine();
  learn('removed', 7n, '/brief', 99.5);
  assert.equal(path(7n, 99.4), '/brief');
  assert.deepEqual(living(), []);
});

test('a rename of an unknown cgroup causes a scan of its possible descendants', () => {
  const { registry, learn, living, exists, set } = machine();
  registry.follow(() => {});
  learn('made', 2n, '/a/b', 100.2);
  exists(1n, '/z');
  exists(2n, '/z/b');
  learn('renamed', 1n, '/z', 100.5);
  set(101);
  assert.deepEqual(living(), ['/z', '/z/b']);
});

test('a path too long for its event is looked up', () => {
  const { learn, path, exists, set, living, state } = machine();
  learn('made', 7n, undefined, 100.5);
  exists(7n, '/very/long');
  set(101);
  assert.deepEqual(living(), ['/very/long']);
  const { scans } = state;
  learn('seen', 7n, undefined, 101.5);
  set(110);
  assert.equal(path(7n), '/very/long');
  assert.equal(state.scans, scans, 'a task that enters it changes nothing');
  learn('removed', 7n, undefined, 111);
  assert.equal(path(7n), '/very/long');
});

test('the limit evicts removed cgroups first, then the oldest, and counts each', () => {
  const { learn, path, lost, known, living } = machine({ maxCgroups: 3 });
  for (const id of [1n, 2n, 3n]) learn('made', id, `/${id}`, Number(id));
  learn('removed', 2n, '/2', 10);
  assert.deepEqual(known, { living: 2, removed: 1 });
  learn('made', 4n, '/4', 11);
  assert.equal(path(2n), undefined);
  assert.deepEqual(lost, ['limit_removed']);
  learn('made', 5n, '/5', 12);
  assert.deepEqual(lost, ['limit_removed', 'limit_living']);
  assert.deepEqual([...living()], ['/3', '/4', '/5']);
  assert.deepEqual(known, { living: 3, removed: 0 });
});

test('an unreadable directory is counted, and its possible descendants stay', () => {
  const { learn, living, lost, set, state } = machine();
  learn('made', 1n, '/a', 99);
  state.unreadable = 2;
  set(105);
  assert.deepEqual(living(), ['/a']);
  assert.deepEqual(lost, ['unreadable', 'unreadable']);
});

test('without a cgroup mount, paths come from events', () => {
  const { learn, path, state, living, set } = machine();
  state.hidden = true;
  learn('made', 1n, '/a', 100);
  set(105);
  assert.equal(path(2n), undefined);
  assert.deepEqual(living(), ['/a']);
});
