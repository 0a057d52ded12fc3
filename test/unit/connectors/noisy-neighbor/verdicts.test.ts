import assert from 'node:assert/strict';
import { test } from 'node:test';
import { culpritAttributes } from '../../../../src/telemetry/attributes/culprit.ts';
import { findingAttributes } from '../../../../src/telemetry/attributes/finding.ts';
import { workloadAttributes } from '../../../../src/telemetry/attributes/workload.ts';
import { brief, connector, only } from './connector.ts';
import { type Doing, hurtBy } from './windows.ts';

const cases: Readonly<Record<string, readonly [doing: Doing, verdict: string, culprit: string]>> = {
  'a neighbor beyond its share': [hurtBy('etl'), 'noisy_neighbor', 'etl'],
  'neighbors within their share': [
    hurtBy('etl', { blame: [{ cause: 'neighbor', culprit: 'etl', time: 1 }], entitled: { neighbor: 1 } }),
    'overcommitted',
    '-',
  ],
  'neighbors whose share is not known': [
    hurtBy('etl', { blame: [{ cause: 'neighbor', culprit: 'etl', time: 1 }] }),
    'undetermined',
    '-',
  ],
  'the own quota': [
    {
      run: 1,
      waits: { throttled: 2 },
      blame: [{ cause: 'throttled', culprit: 'web', time: 2 }],
      length: 0.08,
      count: 50,
    },
    'quota_throttled',
    'web',
  ],
  'a quota above': [
    {
      ...{ run: 1, waits: { throttled_ancestor: 2 }, length: 0.08, count: 50 },
      blame: [{ cause: 'throttled_ancestor', culprit: '/batch.slice', time: 2 }],
    },
    'quota_throttled',
    '/batch.slice',
  ],
  'too many own threads': [
    { run: 5, waits: { self: 15 }, preemptions: { self: 100 } },
    'self_contention',
    '-',
  ],
  'a container of the same pod': [
    {
      ...{ run: 1, waits: { sibling: 1 }, preemptions: { sibling: 20 } },
      blame: [{ cause: 'sibling', culprit: 'sidecar', time: 1 }],
    },
    'sibling_contention',
    'sidecar',
  ],
  'a system service': [
    {
      ...{ run: 1, waits: { system: 1 }, preemptions: { system: 20 } },
      blame: [{ cause: 'system', culprit: 'backup.service', time: 1 }],
    },
    'system_interference',
    'backup.service',
  ],
  'kernel threads': [
    { run: 1, waits: { kernel: 1 }, preemptions: { kernel: 50 } },
    'kernel_interference',
    '-',
  ],
  interrupts: [{ run: 1, waits: { irq: 2 } }, 'irq_interference', '-'],
  'the hypervisor': [{ run: 1, waits: { steal: 2 } }, 'host_steal', '-'],
  'an idle CPU': [{ run: 1, waits: { idle: 2 } }, 'placement', '-'],
  'nothing that is known': [{ run: 1, waits: { unknown: 2 } }, 'undetermined', '-'],
};
for (const [what, [doing, verdict, culprit]] of Object.entries(cases))
  test(`${what}: the verdict is ${verdict}`, async (t) => {
    const { windows } = await connector(t);
    assert.deepEqual(brief(windows({ web: doing }, 2)), [`begin WARN web ${verdict} ${culprit}`]);
  });

test('a quota and a neighbor both hold, and each is a finding', async (t) => {
  const { windows } = await connector(t);
  const doing: Doing = {
    ...{
      run: 1,
      waits: { neighbor: 1, throttled: 1.5 },
      preemptions: { neighbor: 20 },
      length: 0.08,
      count: 50,
    },
    blame: [
      { cause: 'neighbor', culprit: 'etl', time: 1, excess: 1 },
      { cause: 'throttled', culprit: 'web', time: 1.5 },
    ],
  };
  const records = windows({ web: doing }, 2);
  assert.deepEqual(brief(records).sort(), [
    'begin WARN web noisy_neighbor etl',
    'begin WARN web quota_throttled web',
  ]);
  const others = records.map(({ attributes }) => attributes[findingAttributes.otherVerdicts.key]);
  assert.deepEqual(others, [['noisy_neighbor 0.400'], ['quota_throttled 0.600']]);
});

test('a small excess is not scored by the preemptions of neighbors within their share', async (t) => {
  const { windows } = await connector(t);
  const web: Doing = {
    ...{ run: 1, waits: { neighbor: 1 }, preemptions: { neighbor: 20 }, entitled: { neighbor: 0.88 } },
    blame: [
      { cause: 'neighbor', culprit: 'etl', time: 0.12, excess: 0.12 },
      { cause: 'neighbor', culprit: 'ci', time: 0.88 },
    ],
  };
  assert.deepEqual(brief(windows({ web }, 2)), ['begin WARN web overcommitted -']);
});

const cron: Doing = {
  ...hurtBy('etl', { run: 0.002, waits: { neighbor: 0.04 }, length: 0.04, count: 1 }),
  blame: [{ cause: 'neighbor', culprit: 'etl', time: 0.04, excess: 0.04 }],
};

test('a workload that waits little is no finding, however late its few waits are', async (t) => {
  const { windows } = await connector(t);
  assert.deepEqual(windows({ cron }, 9), []);
});

test('the least time is of each second of a window', async (t) => {
  for (const [min_time, findings] of [
    ['7ms', ['begin WARN cron noisy_neighbor etl']],
    ['9ms', []],
  ] as const) {
    const severities = [{ severity: 'WARN', score: 0, confidence_min: 0 }];
    const { windows } = await connector(t, { min_time, severities });
    assert.deepEqual(brief(windows({ cron }, 2)), findings, min_time);
  }
});

test('culprits without a name make no verdict', async (t) => {
  const { windows } = await connector(t);
  const nameless = hurtBy('etl', { blame: [{ cause: 'neighbor', culprit: undefined, time: 1, excess: 1 }] });
  assert.deepEqual(brief(windows({ web: nameless }, 2)), ['begin WARN web undetermined -']);
});

test('the sentence of what is undetermined says what is missing', async (t) => {
  const { windows } = await connector(t);
  const part = (culprit: string | undefined, time: number, excess: number) =>
    ({ cause: 'neighbor', culprit, time, excess }) as const;
  const bodies = windows(
    {
      unjudged: hurtBy('etl', { blame: [part('etl', 1, 0)] }),
      unknown: { run: 1, waits: { unknown: 1.2, neighbor: 0.8 }, blame: [part('etl', 0.8, 0)] },
      crowded: hurtBy('', { blame: ['a', 'b', 'c', 'd'].map((name) => part(name, 0.25, 0.25)) }),
      nameless: hurtBy('', { blame: [part('etl', 0.1, 0.1), part(undefined, 0.9, 0.9)] }),
      lossy: hurtBy('etl', { waits: { neighbor: 1, unknown: 0.6 }, blame: [part('etl', 1, 1)] }),
    },
    2,
  ).map(({ body }) => /^(\w+) waited .*; \d+ % of that (.*?)\. p99/.exec(String(body))?.slice(1).join(': '));
  assert.deepEqual(bodies.sort(), [
    'crowded: behind several others, of which none is the main one',
    'lossy: for reasons of which too little is known',
    'nameless: behind others without a name',
    'unjudged: behind neighbors whose share is not known',
    'unknown: for reasons that are not known',
  ]);
});

test('the body is the sentence, with usage, baseline and advice', async (t) => {
  const { windows } = await connector(t);
  windows({ web: { run: 1, waits: { idle: 0.001 }, length: 0.0002 } }, 12);
  const web = hurtBy('etl', {
    ...{ run: 1.38, waits: { neighbor: 0.55, self: 0.07 }, length: 0.04 },
    blame: [
      {
        ...{ cause: 'neighbor', culprit: 'etl', time: 0.55, excess: 0.55 },
        attributes: { [culpritAttributes.cpuRequest.key]: 0.5 },
      },
    ],
  });
  const etl = { run: 7.75, attributes: { [workloadAttributes.cpuRequest.key]: 0.5 } };
  const record = only(windows({ web, etl }, 2));
  assert.equal(
    record.body,
    'web waited 31 % of its runnable time in the last 5.0 s; 89 % of that behind etl (another container, using 3.1× its CPU request), ' +
      'beyond its share; no CPU limit played a part. p99 wait 44 ms against a usual 203 µs. Confidence 0.98. ' +
      'Anti-affinity with etl would have removed at least about 84 % of the wait: etl had the CPU for 89 % of it, of which others or ' +
      'its own threads could have had 4 %.',
  );
});
