import { contention } from '../../../src/processors/contention.ts';
import type { Interval } from '../../../src/telemetry/metrics/build.ts';
import type { UnixNanoseconds } from '../../../src/telemetry/units.ts';
import { attributes as keys } from '../../../src/telemetry/vocabulary.ts';
import { fakeHost } from '../fake-host.ts';

export const { process } = await contention.open({}, fakeHost('contention').host);
export const interval: Interval = {
  start: 1_000_000_000n as UnixNanoseconds,
  end: 11_000_000_000n as UnixNanoseconds,
};

export const victim = {
  [keys.cgroupPath]: '/kubepods/burstable/podA/c1',
  [keys.containerId]: 'c1',
  [keys.podUid]: 'A',
};
/** A culprit, as the `workload` processor describes one. */
export const culprit = (
  kind: string,
  of: { container?: string; pod?: string; unit?: string; path?: string } = {},
) => ({
  [keys.culpritCgroupId]: '7',
  [keys.culpritKind]: kind,
  ...(of.container && { [keys.culpritContainerId]: of.container }),
  ...(of.pod && { [keys.culpritPodUid]: of.pod }),
  ...(of.unit && { [keys.culpritUnit]: of.unit }),
  ...(of.path && { [keys.culpritCgroupPath]: of.path }),
});
