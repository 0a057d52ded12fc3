import { contention } from '../../../../src/processors/contention/contention.ts';
import { culpritAttributes } from '../../../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import { workloadAttributes } from '../../../../src/telemetry/attributes/workload.ts';
import type { Interval } from '../../../../src/telemetry/metrics/build.ts';
import type { UnixNanoseconds } from '../../../../src/telemetry/units.ts';
import { fakeHost } from '../../fake-host.ts';

export const { process } = await contention.open({}, fakeHost('contention').host);
export const interval: Interval = {
  start: 1_000_000_000n as UnixNanoseconds,
  end: 11_000_000_000n as UnixNanoseconds,
};

export const victim = {
  [resourceAttributes.cgroupPath.key]: '/kubepods/burstable/podA/c1',
  [workloadAttributes.containerId.key]: 'c1',
  [workloadAttributes.podUid.key]: 'A',
};
/** A culprit, as the `workload` processor describes one. */
export const culprit = (
  kind: string,
  of: { container?: string; pod?: string; unit?: string; path?: string } = {},
) => ({
  [culpritAttributes.cgroupId.key]: '7',
  [culpritAttributes.kind.key]: kind,
  ...(of.container && { [culpritAttributes.containerId.key]: of.container }),
  ...(of.pod && { [culpritAttributes.podUid.key]: of.pod }),
  ...(of.unit && { [culpritAttributes.unit.key]: of.unit }),
  ...(of.path && { [culpritAttributes.cgroupPath.key]: of.path }),
});
