import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgementIn, machine, recordedTitle, resourcesOf, second, type Workload } from './machine.ts';

/** Intervals of 10 s. What a victim and its culprits got of the CPU, and how much of the blame is excess. */

const equal = { '/v': 100, '/c': 100, '/d': 100 };

test('a sleeper behind a hog above its share: the whole blame is excess', async () => {
  const { judge, unjudged } = await machine(equal);
  const { excess, offences } = judge([
    { path: '/v', ran: 1 * second, blames: { '/c': 0.8 * second } },
    { path: '/c', ran: 9 * second, blames: { '/v': 1 * second } },
  ]);
  assert.deepEqual(excess, { '/v': { '/c': 0.8 * second } });
  assert.deepEqual(offences, { '/c': 0.8 * second });
  assert.deepEqual(unjudged(), {});
});

test('40 threads beside one at equal weights: both got their half, nothing is excess', async () => {
  const { judge } = await machine(equal);
  const { excess, entitled } = judge([
    { path: '/v', ran: 5 * second, waitedForSelf: 195 * second, blames: { '/c': 200 * second } },
    { path: '/c', ran: 5 * second, blames: { '/v': 5 * second } },
  ]);
  assert.deepEqual([excess, entitled], [{}, { '/v': 200 * second, '/c': 5 * second }]);
});

test('the lighter of two that want all is entitled to less, and has nothing to complain of', async () => {
  const { judge } = await machine({ '/v': 100, '/c': 900 });
  const { excess } = judge([
    { path: '/v', ran: 1 * second, blames: { '/c': 9 * second } },
    { path: '/c', ran: 9 * second, blames: { '/v': 1 * second } },
  ]);
  assert.deepEqual(excess, {});
});

test('the heavier of two that got half each was deprived, in proportion of all its waiting threads', async () => {
  const { judge } = await machine({ '/v': 300, '/c': 100 });
  const one = judge([
    { path: '/v', ran: 5 * second, blames: { '/c': 5 * second } },
    { path: '/c', ran: 5 * second, blames: { '/v': 5 * second } },
  ]);
  assert.deepEqual(one.excess, { '/v': { '/c': 2.5 * second } });
  const forty = judge([
    { path: '/v', ran: 5 * second, waitedForSelf: 195 * second, blames: { '/c': 200 * second } },
    { path: '/c', ran: 5 * second, blames: { '/v': 5 * second } },
  ]);
  assert.deepEqual(forty.excess, { '/v': { '/c': 100 * second } });
});

test('of two culprits only the one above its share has excess', async () => {
  const { judge } = await machine(equal);
  const { excess } = judge([
    { path: '/v', ran: 2 * second, blames: { '/c': 4 * second, '/d': 2 * second } },
    { path: '/c', ran: 6 * second, blames: { '/v': 2 * second } },
    { path: '/d', ran: 2 * second, blames: { '/c': 4 * second } },
  ]);
  assert.deepEqual(Object.keys(excess['/v'] ?? {}), ['/c']);
});

test('what a culprit took is claimed once: as much as the victim lacks', async () => {
  const { judge } = await machine(equal);
  // shares are 10/3 s each: /c got 8/3 s more, /d less
  const { excess } = judge([
    { path: '/v', ran: 1 * second, blames: { '/c': 6 * second, '/d': 3 * second } },
    { path: '/c', ran: 6 * second, blames: { '/v': 4 * second } },
    { path: '/d', ran: 3 * second, blames: { '/v': 7 * second } },
  ]);
  const lacks = Math.floor((10 / 3 - 1) * second);
  assert.deepEqual(excess['/v'], { '/c': lacks });
});

test('weights count where the ways to the two part, and nowhere else', async () => {
  const weights = { '/a': 100, '/b': 300, '/a/v': 900, '/b/c': 100, '/a/d': 100 };
  const { judge } = await machine(weights);
  const across = judge([
    { path: '/a/v', ran: 2.5 * second, blames: { '/b/c': 7.5 * second } },
    { path: '/b/c', ran: 7.5 * second, blames: { '/a/v': 2.5 * second } },
  ]);
  assert.deepEqual(across.excess, {});
  const beside = judge([
    { path: '/a/v', ran: 2.5 * second, blames: { '/a/d': 7.5 * second } },
    { path: '/a/d', ran: 7.5 * second, blames: { '/a/v': 2.5 * second } },
  ]);
  assert.deepEqual(beside.excess, { '/a/v': { '/a/d': 6.5 * second } });
});

test('a cgroup without the cpu controller is no level', async () => {
  const { judge, unjudged } = await machine({ '/a': 'none', '/a/v': 100, '/c': 900 });
  const { excess } = judge([
    { path: '/a/v', ran: 1 * second, blames: { '/c': 9 * second } },
    { path: '/c', ran: 9 * second, blames: { '/a/v': 1 * second } },
  ]);
  assert.deepEqual([excess, unjudged()], [{}, {}]);
});

test('a victim is entitled to no more than its limit', async () => {
  const { judge } = await machine(equal);
  const pair = (limit?: number): readonly Workload[] => [
    {
      path: '/v',
      ran: 1 * second,
      blames: { '/c': 4 * second },
      ...(limit !== undefined && { limit }),
    },
    { path: '/c', ran: 9 * second, blames: { '/v': 1 * second } },
  ];
  assert.deepEqual(judge(pair()).excess, { '/v': { '/c': 4 * second } });
  assert.deepEqual(judge(pair(0.3)).excess, { '/v': { '/c': 2 * second } });
  assert.deepEqual(judge(pair(0.05)).excess, {});
});

test('requests stand in for weights that cannot be read', async () => {
  const { judge, unjudged } = await machine({});
  const pair = (share: number): readonly Workload[] => [
    { path: '/pod/v', ran: share, request: 0.1, blames: { '/pod/c': 10 * second - share } },
    { path: '/pod/c', ran: 10 * second - share, request: 0.3, blames: { '/pod/v': share } },
  ];
  assert.deepEqual(judge(pair(2.5 * second), 'sibling').excess, {});
  assert.deepEqual(judge(pair(2 * second), 'sibling').excess, { '/pod/v': { '/pod/c': 0.5 * second } });
  assert.deepEqual(unjudged(), {});
});

test('a request is not compared with a weight, nor with a request of another level', async () => {
  const half = await machine({ '/a': 100 });
  const pair = (victim: string, culprit: string): readonly Workload[] => [
    { path: victim, ran: 1 * second, request: 1, blames: { [culprit]: 9 * second } },
    { path: culprit, ran: 9 * second, request: 1 },
  ];
  assert.deepEqual(half.judge(pair('/a', '/b')).excess, { '/a': { '/b': 4 * second } }, 'both are requested');
  assert.deepEqual(half.judge(pair('/a', '/other/b')).excess, {});
  assert.deepEqual(half.unjudged(), { weight_unknown: 9 * second });
});

test('a culprit whose weight is unknown is left out, the others are judged without it', async () => {
  const { judge, unjudged } = await machine({ '/v': 100, '/c': 100 });
  const { excess } = judge([
    { path: '/v', ran: 1 * second, blames: { '/c': 1 * second, '/d': 3 * second } },
    { path: '/c', ran: 6 * second, blames: { '/v': 1 * second } },
    { path: '/d', ran: 3 * second },
  ]);
  assert.deepEqual(excess, { '/v': { '/c': 1 * second } });
  assert.deepEqual(unjudged(), { weight_unknown: 3 * second });
});

test('what a victim waits behind unknown culprits does not raise its share of what the known ones got', async () => {
  const { judge } = await machine(equal);
  const { excess } = judge([
    { path: '/v', ran: 1 * second, blames: { '/c': 0.5 * second, '/d': 0.5 * second, unknown: 5 * second } },
    { path: '/c', ran: 4 * second, blames: { '/d': 4 * second } },
    { path: '/d', ran: 3 * second, blames: { '/c': 5 * second } },
  ]);
  assert.deepEqual(excess['/v'], { '/c': 0.5 * second });
});

test('nothing is claimed by a victim whose own weight is unknown', async () => {
  const { judge, unjudged } = await machine({ '/c': 100, '/d': 100 });
  const { excess } = judge([
    { path: '/v', ran: 1 * second, blames: { '/c': 1 * second, '/d': 3 * second } },
    { path: '/c', ran: 6 * second },
    { path: '/d', ran: 3 * second },
  ]);
  assert.deepEqual([excess, unjudged()], [{}, { weight_unknown: 4 * second }]);
});

test('nothing is claimed of a culprit without a resource or a path, nor by a victim without one', async () => {
  const { judge, unjudged } = await machine(equal);
  const nameless = judge([
    { path: '/v', ran: 1 * second, blames: { '/c': 2 * second, '/d': 3 * second } },
    { path: '/c', ran: 9 * second, is: 'excluded' },
    { path: '/d', ran: 9 * second, is: 'nameless', blames: { '/v': 1 * second } },
  ]);
  assert.deepEqual(nameless, { excess: {}, entitled: {}, offences: {} });
  assert.deepEqual(unjudged(), { not_reported: 2 * second, path_unknown: 4 * second });
});

test('nothing is claimed where tasks compete with groups', async () => {
  const { judge, unjudged } = await machine({ ...equal, '/c/e': 100, '/v/e': 100 });
  judge([
    { path: '/v', ran: 1 * second, blames: { '/': 1 * second } },
    { path: '/', ran: 9 * second, blames: { '/v': 2 * second } },
  ]);
  assert.deepEqual(unjudged(), { loose_tasks: 3 * second });
  const below = judge([
    { path: '/v', ran: 1 * second, blames: { '/c': 4 * second, '/c/e': 8 * second } },
    { path: '/c', ran: 9 * second },
    { path: '/c/e', ran: 19 * second },
  ]);
  assert.deepEqual(below.excess, { '/v': { '/c/e': 8 * second } });
  assert.deepEqual(unjudged(), { loose_tasks: 7 * second });
  const own = judge([
    { path: '/v', ran: 1 * second, blames: { '/c': 4 * second, '/v/e': 16 * second } },
    { path: '/c', ran: 9 * second },
    { path: '/v/e', ran: 9 * second },
  ]);
  assert.deepEqual(own.excess, {});
  assert.deepEqual(unjudged(), { loose_tasks: 23 * second, group_unknown: 4 * second });
});

test('a group with a culprit of unknown part is not compared with others, its members with one another are', async () => {
  const weights = { '/g': 100, '/g/v': 100, '/g/c': 100, '/c': 100 };
  const reading = (is?: 'excluded'): readonly Workload[] => [
    { path: '/g/v', ran: 1 * second, blames: { '/g/c': 1 * second, '/g/d': 2 * second, '/c': 4 * second } },
    { path: '/g/c', ran: 5 * second },
    { path: '/g/d', ran: 5 * second, ...(is && { is }) },
    { path: '/c', ran: 5 * second },
  ];
  const named = await machine(weights);
  assert.deepEqual(named.judge(reading()).excess, { '/g/v': { '/g/c': 1 * second } });
  assert.deepEqual(named.unjudged(), { weight_unknown: 2 * second, group_unknown: 4 * second });
  const excluded = await machine({ ...weights, '/g/d': 100 });
  assert.deepEqual(excluded.judge(reading('excluded')).excess, { '/g/v': { '/g/c': 1 * second } });
  assert.deepEqual(excluded.unjudged(), { not_reported: 2 * second, group_unknown: 4 * second });
});

test('a group is compared with others as long as culprits that are left out of it have next to no demand', async () => {
  // /g has half of 11.1 s, and /g/v all of that but for /g/d: 4.5 s more than it got
  const reading = (...short: readonly Omit<Workload, 'path'>[]): readonly Workload[] => {
    const left = short.map((of, index) => ({ path: `/g/d${index}`, ...of }));
    const blames = { '/c': 9 * second, ...Object.fromEntries(left.map(({ path }) => [path, 0.01 * second])) };
    return [{ path: '/g/v', ran: 1 * second, blames }, { path: '/c', ran: 10 * second }, ...left];
  };
  const judged = async (...short: readonly Omit<Workload, 'path'>[]) => {
    const { judge, unjudged } = await machine({ '/g': 100, '/g/v': 100, '/c': 100 });
    return { excess: judge(reading(...short)).excess['/g/v'] ?? {}, unjudged: unjudged() };
  };
  const short = { ran: 0.04 * second };
  assert.deepEqual(await judged(short, short), {
    excess: { '/c': 4.5 * second },
    unjudged: { weight_unknown: 0.02 * second },
  });
  const nothing = { excess: {}, unjudged: { weight_unknown: 0.03 * second, group_unknown: 9 * second } };
  assert.deepEqual(await judged(short, short, short), nothing, 'together they ran for too long');
  const waiting = { ran: 0.04 * second, blames: { '/c': 1 * second } };
  assert.deepEqual((await judged(waiting)).excess, {}, 'it could have used much more');
  assert.deepEqual((await judged({ is: 'excluded' })).excess, {}, 'how much it ran is not known');
});

test('other cgroups of the same workload use its share, and do not offend it', async () => {
  const { process } = await machine({ '/g': 100, '/g/v': 100, '/g/w': 100, '/c': 100 });
  const waiting = (path: string, other: string): Workload => ({
    ...{ path, ran: 2.5 * second, blames: { '/c': 5 * second } },
    ownBlames: { [other]: 2.5 * second },
  });
  const reading = resourcesOf([
    waiting('/g/v', '/g/w'),
    waiting('/g/w', '/g/v'),
    { path: '/c', ran: 5 * second, blames: { '/g/v': 2.5 * second, '/g/w': 2.5 * second } },
  ]);
  const { excess, entitled } = judgementIn(process(reading));
  assert.deepEqual(excess, {});
  assert.deepEqual(entitled, { '/g/v': 5 * second, '/g/w': 5 * second, '/c': 5 * second });
});

test('paths of a recording have the weights of its machine, never those of this one', async () => {
  const { judge, unjudged, recorded } = await machine(equal);
  const workloads: readonly Workload[] = [
    { path: '/v', ran: 1 * second, blames: { '/c': 8 * second }, is: 'recorded' },
    { path: '/c', ran: 9 * second, is: 'recorded' },
  ];
  const unknown = () => judge(workloads).excess;
  assert.deepEqual(unknown(), {});
  const weights = new Map([
    ['/v', 100],
    ['/c', 100],
  ]);
  const withdraw = recorded.provide('another one', weights);
  assert.deepEqual(unknown(), {});
  withdraw();
  const again = recorded.provide(recordedTitle, weights);
  assert.deepEqual(judge(workloads).excess, { '/v': { '/c': 4 * second } });
  const newer = recorded.provide(recordedTitle, new Map([...weights, ['/c', 900]]));
  again();
  assert.deepEqual(judge(workloads), { excess: {}, entitled: { '/v': 8 * second }, offences: {} });
  newer();
  assert.deepEqual(unknown(), {});
  assert.deepEqual(unjudged(), { weight_unknown: 3 * 8 * second });
});
