import type { Attributes } from '@opentelemetry/api';
import { type Resource, resourceAttributesEnvDetector } from '@opentelemetry/resources';
import type { Host, Processor, ProcessorComponent, Task } from '../../component.ts';
import { mapBatch } from '../../telemetry/batch.ts';
import { messageOf } from '../../telemetry/health.ts';
import { resource as resourceOf } from '../../telemetry/metrics/build.ts';
import { seconds } from '../../telemetry/units.ts';
import { type Detected, detectAzure, detectEc2, detectGcp } from './clouds.ts';
import { type DetectorName, type ResourceDetectionConfig, resourceDetectionConfig } from './config.ts';
import { detectSystem } from './system.ts';

/** As the Collector's; but what cannot be detected does not keep the agent from starting. */
export const resourceDetection: ProcessorComponent<typeof resourceDetectionConfig> = {
  kind: 'processor',
  type: 'resource_detection',
  aliases: ['resourcedetection'],
  summary:
    'Adds to resources what the environment, the host or the metadata server of a cloud says about this node.',
  stability: { metrics: 'beta', logs: 'beta', traces: 'alpha', profiles: 'development' },
  config: resourceDetectionConfig,
  open: openResourceDetection,
};

/** After a failure: a metadata server may come later than the agent. */
const retryInterval = seconds(30);

type Detect = (signal: AbortSignal) => Promise<Detected>;

function detectorsOf(
  { system }: ResourceDetectionConfig,
  { machine }: Host,
): Readonly<Record<DetectorName, Detect>> {
  const { environment } = machine;
  const linkAddress = 'http://169.254.169.254';
  const gcpHost = environment.GCE_METADATA_HOST;
  return {
    env: async () => resourceAttributesEnvDetector.detect().attributes as Detected, // texts alone
    system: () => detectSystem(machine, system.hostname_sources),
    ec2: (signal) =>
      detectEc2({ base: environment.AWS_EC2_METADATA_SERVICE_ENDPOINT || linkAddress, signal }),
    gcp: (signal) => detectGcp({ base: gcpHost ? `http://${gcpHost}` : linkAddress, signal }),
    azure: (signal) => detectAzure({ base: linkAddress, signal }),
  };
}

async function openResourceDetection(config: ResourceDetectionConfig, host: Host): Promise<Processor> {
  const { detectors: names, timeout, refresh_interval: refresh, override } = config;
  const detectors = detectorsOf(config, host);
  const found = new Map<DetectorName, Attributes>();
  const failures = new Map<DetectorName, string>();
  const closing = new AbortController();
  let add = adder({}, override);

  async function detect(name: DetectorName, signal: AbortSignal): Promise<void> {
    try {
      found.set(name, enabled(await detectors[name](signal), name, config));
      if (failures.delete(name)) host.log.info({ detector: name }, 'Resource is detected now.');
    } catch (error) {
      if (closing.signal.aborted) return;
      const reason = signal.aborted ? 'no answer in time' : messageOf(error);
      if (failures.get(name) !== reason)
        host.log.warn(
          { detector: name, error: reason },
          'Cannot detect the resource. Its attributes are absent.',
        );
      failures.set(name, reason);
    }
    if (!closing.signal.aborted) add = adder(firstOf(names.map((each) => found.get(each) ?? {})), override);
  }

  /** Within the timeout; a name server that answers later is heard then. */
  async function detectAll(which: readonly DetectorName[], signal: AbortSignal): Promise<void> {
    const limit = new AbortController();
    const either = AbortSignal.any([limit.signal, signal, closing.signal]);
    const running = Promise.all(which.map((name) => detect(name, either)));
    if (!(await host.endsWithin(timeout, running))) limit.abort();
  }

  const missing = () => names.filter((name) => !found.has(name));
  await detectAll(names, closing.signal);
  const task: Task =
    refresh > 0
      ? { name: 'detect', every: refresh, run: (abort) => detectAll(names, abort) }
      : { name: 'retry', every: retryInterval, run: (abort) => detectAll(missing(), abort) };
  return {
    process: (batch) => mapBatch(batch, { resource: (of) => add(of), item: (attributes) => attributes }),
    tasks: refresh > 0 || missing().length > 0 ? [task] : [],
    async close() {
      closing.abort();
    },
  };
}

/** Those that the configuration wants. */
function enabled(detected: Detected, name: DetectorName, config: ResourceDetectionConfig): Attributes {
  const wanted: Readonly<Record<string, { readonly enabled: boolean }>> | undefined =
    name === 'env' ? undefined : config[name].resource_attributes;
  const entries = Object.entries(detected).filter(
    ([key, value]) => value !== undefined && value !== '' && (wanted === undefined || wanted[key]?.enabled),
  );
  return Object.fromEntries(entries) as Attributes; // what is undefined is left out
}

/** The first that has an attribute sets it. */
const firstOf = (all: readonly Attributes[]): Attributes => Object.assign({}, ...all.toReversed());

/** Items and batches go on sharing resources. */
function adder(attributes: Attributes, override: boolean): (of: Resource) => Resource {
  const known = new WeakMap<Resource, Resource>();
  const added = Object.entries(attributes);
  return (of) => {
    const before = known.get(of);
    if (before) return before;
    const isNew = ([key, value]: (typeof added)[number]) =>
      override ? of.attributes[key] !== value : !Object.hasOwn(of.attributes, key);
    const changes = added.filter(isNew);
    const result =
      changes.length === 0 ? of : resourceOf({ ...of.attributes, ...Object.fromEntries(changes) });
    known.set(of, result);
    return result;
  };
}
