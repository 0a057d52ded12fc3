import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { workloadCounters } from '../../src/processors/workload/emits.ts';
import { culpritAttributes } from '../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../src/telemetry/attributes/resource.ts';
import { waitAttributes } from '../../src/telemetry/attributes/wait.ts';
import { workloadAttributes } from '../../src/telemetry/attributes/workload.ts';
import { cgroupMetrics } from '../../src/telemetry/metrics/cgroup.ts';
import { waitMetrics } from '../../src/telemetry/metrics/wait.ts';
import { attributesOf, culpritAttributesOf, type Expected } from './expected.ts';
import { noisyNeighbors } from './findings.ts';
import type { ContainerdMajor } from './peers.ts';
import type { RealContainer } from './pods.ts';
import { ofContainer, points, type Received, resources, sum, sumBy } from './received.ts';
import { pathOf, play, podPathOf, restarted, type Scenario, sharedQuotaPath } from './scenario.ts';
import { hog } from './workloads.ts';

/** What an OTLP backend receives, through a Collector, about real pods on a real node, compared with the API server and the kernel. */

const major = (process.env.EARSHOT_TEST_CONTAINERD ?? '1') as ContainerdMajor;

let scenario: Scenario;

before(async () => {
  scenario = await play(major);
});

after(() => scenario?.close());

const all = () => [...scenario.pods.containers.values()];

function one(namespace: string, pod: RegExp, name: string): RealContainer {
  const [container] = scenario.pods.find(namespace, pod, name);
  assert.ok(container, `no container ${name} of a pod ${pod} in ${namespace}`);
  return container;
}

/** Every attribute that is expected of it, and what it is instead where it is not. */
function assertNamed(container: RealContainer, received: readonly Received[]): void {
  const what = `${container.namespace}/${container.pod}/${container.name}`;
  assert.ok(received.length > 0, `nothing of ${what}`);
  for (const { resource, metric } of received)
    assertAttributes(resource, attributesOf(container), { container, what: `${what} on ${metric}` });
}

/** A static pod goes by the uid in its cgroup's path until the API server has a mirror of it, with a uid of its own. */
function assertAttributes(
  attributes: Readonly<Record<string, unknown>>,
  expected: Expected,
  { container, what }: { readonly container: RealContainer; readonly what: string },
): void {
  for (const [key, value] of Object.entries(expected)) {
    const isEarly = value === container.podUid && attributes[key] === container.cgroupUid;
    if (!isEarly) assert.equal(attributes[key], value, `${key} of ${what}`);
  }
}

const everyone: readonly (readonly [what: string, namespace: string, pod: RegExp, name: string])[] = [
  ['of a Deployment', 'shop', /^web-/, 'app'],
  ['of a StatefulSet', 'shop', /^db-0$/, 'app'],
  ['of class Guaranteed', 'shop', /^ledger$/, 'app'],
  ['of class BestEffort', 'batch', /^scratch$/, 'app'],
  ['beside another in its pod', 'shop', /^pair$/, 'front'],
  ['with a limit below that of its pod', 'shop', /^pair$/, 'back'],
  ['that prepares a pod', 'shop', /^prepared$/, 'prepare'],
  ['that was prepared for', 'shop', /^prepared$/, 'main'],
  ['of a static pod', 'shop', /^beacon-/, 'app'],
  ['of a Job of 200 ms', 'batch', /^blink-[a-z0-9]{5}$/, 'app'],
  ['of a CronJob', 'batch', /^tick-/, 'app'],
  ['deleted meanwhile', 'batch', /^leaver$/, 'app'],
  ['that makes others wait', hog.namespace, /^etl-/, hog.container],
];

for (const [what, namespace, pod, name] of everyone)
  test(`a container ${what} has namespace, pod, name, owner, class and limits`, () => {
    const container = one(namespace, pod, name);
    assertNamed(container, points(scenario.backend).filter(ofContainer(container.id)));
  });

test('a restarted container keeps its name, with an id and a restart count for each run', () => {
  const lives = scenario.pods.find('shop', /^flaky$/, 'app');
  assert.deepEqual(lives.map(({ restartCount }) => restartCount).sort(), [0, 1]);
  for (const life of lives) assertNamed(life, points(scenario.backend).filter(ofContainer(life.id)));
});

test("each container resource is in the API server's list, and has its pod", () => {
  const known = new Set(all().map(({ id }) => id));
  for (const resource of resources(scenario.backend)) {
    const path = String(resource[resourceAttributes.cgroupPath.key] ?? '');
    const id = resource[workloadAttributes.containerId.key];
    if (id !== undefined)
      assert.ok(known.has(String(id)), `the API server has no container ${JSON.stringify(resource)}`);
    if (/^\/kubepods\/.*pod/.test(path))
      assert.ok(resource[workloadAttributes.podName.key], `${path} has no pod`);
  }
});

test('each container of a pod has its own service.instance.id', () => {
  const owners = new Map<unknown, string>();
  for (const { resource } of points(scenario.backend)) {
    const container = scenario.pods.containers.get(String(resource[workloadAttributes.containerId.key]));
    if (!container) continue;
    const owner = `${container.namespace}/${container.pod}/${container.name}`;
    const instance = resource[resourceAttributes.serviceInstanceId.key];
    assert.equal(owners.get(instance) ?? owner, owner, `${instance}`);
    owners.set(instance, owner);
  }
  assert.ok(owners.size >= everyone.length);
});

test('the hog is the culprit of every victim, with owner, QoS class and request', () => {
  const culprit = one(hog.namespace, /^etl-/, hog.container);
  for (const [, namespace, pod, name] of everyone.filter(([what]) =>
    /Deployment|StatefulSet|BestEffort|static/.test(what),
  )) {
    const victim = one(namespace, pod, name);
    const blame = points(scenario.backend, waitMetrics.blameTime.name, scenario.contention).filter(
      ofContainer(victim.id),
    );
    const byHog = blame.filter(
      ({ point }) => point.attributes[culpritAttributes.containerId.key] === culprit.id,
    );
    // What else runs on the machine is no neighbour.
    const neighbors = blame.filter(({ point }) => point.attributes[waitAttributes.cause.key] === 'neighbor');
    assert.ok(
      sum(byHog) > 0.5 * sum(neighbors),
      `${victim.pod}: ${sum(byHog)} of ${sum(neighbors)} s are blamed on the hog`,
    );
    for (const { point } of byHog) {
      assert.equal(point.attributes[waitAttributes.cause.key], 'neighbor');
      const what = `the hog to ${victim.pod}`;
      assertAttributes(point.attributes, culpritAttributesOf(culprit), { container: culprit, what });
    }
  }
});

test('a finding names victim and culprit by namespace, pod and owner', () => {
  const found = noisyNeighbors(scenario.backend, scenario.pods);
  assert.ok(found.length > 0);
  for (const { resource, record } of found) {
    const containerOf = (id: unknown) => scenario.pods.containers.get(String(id));
    const victim = containerOf(resource[workloadAttributes.containerId.key]);
    const culprit = containerOf(record.attributes[culpritAttributes.containerId.key]);
    assert.ok(victim && culprit);
    assertAttributes(resource, attributesOf(victim), { container: victim, what: 'the victim' });
    const what = 'the culprit';
    assertAttributes(record.attributes, culpritAttributesOf(culprit), { container: culprit, what });
    assert.match(record.body ?? '', new RegExp(`shop/${victim.pod}/app waited .* batch/${culprit.pod}/hog`));
  }
});

test('earshot explain in the pod of the agent names victim and culprit', () => {
  const { workload, sentence, culprits } = scenario.explained;
  assert.match(workload.name, /^shop\/checkout-.*\/app$/);
  assert.equal(workload.owner, 'Deployment checkout');
  assert.match(sentence, /^shop\/checkout-.* waited /);
  assert.match(culprits[0]?.name ?? '', /^batch\/etl-.*\/hog$/);
});

test('each culprit in a pod has its pod name', () => {
  const known = scenario.pods.containers;
  let culprits = 0;
  for (const { point } of points(scenario.backend, waitMetrics.blameTime.name)) {
    const id = point.attributes[culpritAttributes.containerId.key];
    if (id === undefined) {
      // Also a container that only holds its pod's namespaces is its pod.
      if (/\/pod/.test(String(point.attributes[culpritAttributes.cgroupPath.key])))
        assert.ok(point.attributes[culpritAttributes.podName.key], 'a culprit is an unknown pod');
      continue;
    }
    const container = known.get(String(id));
    assert.ok(container, `unknown culprit ${JSON.stringify(point.attributes)}`);
    culprits += 1;
    const what = `${container.pod} as a culprit`;
    assertAttributes(point.attributes, culpritAttributesOf(container), { container, what });
  }
  assert.ok(culprits > 0);
});

test('processes in the root cgroup, here kubelet and runtime, are system', () => {
  const byRoot = points(scenario.backend, waitMetrics.blameTime.name, scenario.contention).filter(
    ({ point }) => point.attributes[culpritAttributes.cgroupPath.key] === '/',
  );
  assert.ok(byRoot.length > 0, 'no wait for the daemons of the node');
  for (const { point } of byRoot) assert.equal(point.attributes[waitAttributes.cause.key], 'system');
});

test('over 95 % of victims and culprits are named, less than 1 % are unknown', () => {
  const identified = points(scenario.backend, workloadCounters.identified.name);
  const outcomes = sumBy(identified, 'outcome');
  const [named = 0, unknown = 0] = ['named', 'unknown'].map((outcome) => outcomes.get(outcome));
  const all = sum(identified);
  const what = JSON.stringify([...outcomes]);
  assert.ok(all > 1000 && named > 0.95 * all && unknown < 0.01 * all, what);
});

test('containers of one pod are siblings', () => {
  let siblings = 0;
  const [front, back] = ['front', 'back'].map((name) => one('shop', /^pair$/, name));
  for (const [victim, other] of [
    [front, back],
    [back, front],
  ]) {
    const byOther = points(scenario.backend, waitMetrics.blameTime.name)
      .filter(ofContainer(victim?.id ?? ''))
      .filter(({ point }) => point.attributes[culpritAttributes.containerId.key] === other?.id)
      .filter(({ point }) => !String(point.attributes[waitAttributes.cause.key]).startsWith('throttled'));
    for (const { point } of byOther) assert.equal(point.attributes[waitAttributes.cause.key], 'sibling');
    siblings += sum(byOther);
  }
  assert.ok(siblings > 0.05, `waited only ${siblings} s for each other`);
});

/** The time between the first and the last reading of the agent inside the window. */
function measured(received: readonly Received[]) {
  assert.ok(received.length > 0, 'nothing was received');
  const from = Math.min(...received.map(({ point }) => Number(point.start) / 1e6));
  const to = Math.max(...received.map(({ point }) => Number(point.time) / 1e6));
  return { from, to, seconds: sum(received) };
}

/** To a microsecond: the parts of the agent's sum are no whole nanoseconds. */
function assertWithin(
  seconds: number,
  { least, most }: { readonly least: number; readonly most: number },
  what: string,
): void {
  assert.ok(
    seconds > least - 1e-6 && seconds < most + 1e-6,
    `${what}: ${seconds} s, the kernel says ${least} to ${most}`,
  );
}

interface Quota {
  /** In `scenario.throttled`. */
  readonly of: string;
  readonly level: 'container' | 'pod';
  path(): string;
}

/** The kubelet gives a pod the quota of its only container: which of the two runs out first is chance. */
const quotas: Readonly<Record<string, readonly Quota[]>> = {
  ledger: [
    { of: 'ledger/app', level: 'container', path: () => pathOf(one('shop', /^ledger$/, 'app')) },
    { of: 'ledger', level: 'pod', path: () => podPathOf(one('shop', /^ledger$/, 'app')) },
  ],
  pair: [{ of: 'pair', level: 'pod', path: () => podPathOf(one('shop', /^pair$/, 'front')) }],
};

for (const [pod, levels] of Object.entries(quotas))
  test(`throttled time of ${pod} equals cpu.stat at each level with a quota`, () => {
    let most = 0;
    for (const { of, level, path } of levels) {
      const figures = scenario.throttled.get(of);
      assert.ok(figures);
      const received = points(scenario.backend, cgroupMetrics.throttledTime.name, scenario.contention).filter(
        ({ resource }) => resource[resourceAttributes.cgroupPath.key] === path(),
      );
      for (const { point } of received) assert.equal(point.attributes[waitAttributes.quotaLevel.key], level);
      const agent = measured(received);
      const kernel = figures.own.between(agent.from, agent.to);
      assertWithin(agent.seconds, kernel, of);
      most += kernel.most;
    }
    assert.ok(most > 0.5, `only throttled for ${most} s`);
  });

test('the wait for the own limit equals the throttled time of a single thread', () => {
  for (const [name, pod, container] of [
    ['ledger/app', /^ledger$/, 'app'],
    ['pair/front', /^pair$/, 'front'],
  ] as const) {
    const figures = scenario.throttled.get(name);
    assert.ok(figures);
    const waits = points(scenario.backend, waitMetrics.waitTime.name, scenario.contention).filter(
      ofContainer(one('shop', pod, container).id),
    );
    const causes = sumBy(waits, waitAttributes.cause.key);
    const window = measured(waits);
    const kernel = figures.any.between(window.from, window.to);
    const throttled = causes.get('throttled') ?? 0;
    assertWithin(throttled, { least: 0.98 * kernel.least, most: 1.02 * kernel.most }, name);
    assert.equal(causes.get('throttled_ancestor') ?? 0, 0);
  }
});

test('a quota above the pods is distinguished from their own limits, with level and path', () => {
  for (const [namespace, pod] of [
    ['batch', /^scratch$/],
    ['shop', /^beacon-/],
  ] as const) {
    const victim = one(namespace, pod, 'app');
    const waits = points(scenario.backend, waitMetrics.waitTime.name, scenario.sharedQuota).filter(
      ofContainer(victim.id),
    );
    const causes = sumBy(waits, waitAttributes.cause.key);
    assert.ok((causes.get('throttled_ancestor') ?? 0) > 0.5, JSON.stringify([...causes]));
    const blame = points(scenario.backend, waitMetrics.blameTime.name, scenario.sharedQuota)
      .filter(ofContainer(victim.id))
      .filter(({ point }) => point.attributes[waitAttributes.cause.key] === 'throttled_ancestor');
    assert.ok(blame.length > 0);
    for (const { point } of blame) {
      assert.equal(point.attributes[culpritAttributes.cgroupPath.key], sharedQuotaPath);
      assert.equal(point.attributes[waitAttributes.quotaLevel.key], 'qos');
    }
  }
});

test('a static pod has its uid of the API server', () => {
  const beacon = one('shop', /^beacon-/, 'app');
  assert.notEqual(beacon.podUid, beacon.cgroupUid);
  const late = points(scenario.backend, undefined, scenario.afterRestart.get('apiserver')).filter(
    ofContainer(beacon.id),
  );
  assert.ok(late.length > 0);
  for (const { resource } of late) assert.equal(resource[workloadAttributes.podUid.key], beacon.podUid);
});

for (const name of restarted)
  test(`a restart of ${name} loses no name, and new containers get theirs`, () => {
    const window = scenario.afterRestart.get(name);
    assert.ok(window);
    const received = points(scenario.backend, undefined, window);
    const seen = new Set(received.map(({ resource }) => resource[workloadAttributes.containerId.key]));
    for (const id of seen) {
      const container = scenario.pods.containers.get(String(id));
      if (container) assertNamed(container, received.filter(ofContainer(container.id)));
    }
    // Of a runtime that is slow to answer after its restart the kubelet may restart a container.
    for (const [, namespace, pod, containerName] of everyone.slice(0, 6)) {
      const lives = scenario.pods.find(namespace, pod, containerName);
      assert.ok(
        lives.some(({ id }) => seen.has(id)),
        `nothing of ${containerName} in ${pod} after the restart; its runs: ${JSON.stringify(lives)}`,
      );
    }
    const fresh = one('batch', new RegExp(`^blink-${name}-`), 'app');
    assertNamed(fresh, points(scenario.backend).filter(ofContainer(fresh.id)));
  });
