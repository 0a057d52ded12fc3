import type { Static } from 'typebox';
import { duration } from '../../config/schema/duration.ts';
import { Type } from '../../config/schema/type.ts';

export const detectorNames = ['env', 'system', 'ec2', 'gcp', 'azure'] as const;
export type DetectorName = (typeof detectorNames)[number];

/** Attributes of a detector, by whether they are on by default. */
const attributesOf = (defaults: Readonly<Record<string, boolean>>) =>
  Type.Object(
    Object.fromEntries(
      Object.entries(defaults).map(([key, enabled]) => [
        key,
        Type.Object(
          { enabled: Type.Boolean({ default: enabled, description: `Whether \`${key}\` is added.` }) },
          { additionalProperties: false, default: {} },
        ),
      ]),
    ),
    { additionalProperties: false, default: {} },
  );

const allOn = (keys: readonly string[]) => attributesOf(Object.fromEntries(keys.map((key) => [key, true])));

const cloud = [
  'cloud.provider',
  'cloud.platform',
  'cloud.region',
  'cloud.account.id',
  'host.id',
  'host.name',
];

const detector = (resource_attributes: ReturnType<typeof attributesOf>, description: string) =>
  Type.Object({ resource_attributes }, { additionalProperties: false, default: {}, description });

export const resourceDetectionConfig = Type.Object(
  {
    detectors: Type.Array(Type.Enum(detectorNames), {
      default: ['env'],
      minItems: 1,
      description:
        'What is asked, in this order: the first that has an attribute sets it. `env`: `OTEL_RESOURCE_ATTRIBUTES`; `system`: the host; `ec2`, `gcp`, `azure`: the metadata server of the cloud, which only those ask that are named here.',
    }),
    override: Type.Boolean({
      default: true,
      description: 'Whether attributes that a resource has already are replaced.',
    }),
    timeout: duration({
      default: '5s',
      minimum: '1ms',
      maximum: '1m',
      description:
        'The longest time that detection delays the start. What is not known by then is absent, and asked for again each 30 s.',
    }),
    refresh_interval: duration({
      default: '0s',
      description: 'How often all is detected anew; what fails keeps its former attributes. 0: never.',
    }),
    system: Type.Object(
      {
        hostname_sources: Type.Array(Type.Enum(['dns', 'os', 'cname', 'lookup']), {
          default: ['dns', 'os'],
          minItems: 1,
          description:
            'Where `host.name` comes from, the first that has one: `dns`: the full name by the hosts file and the name server; `os`: the name of the node; `cname`: the canonical name of the name server; `lookup`: the name of the address.',
        }),
        resource_attributes: attributesOf({
          'host.name': true,
          'os.type': true,
          ...{ 'host.id': false, 'host.arch': false, 'host.ip': false, 'host.mac': false },
          ...{ 'os.name': false, 'os.version': false, 'os.description': false },
        }),
      },
      { additionalProperties: false, default: {}, description: 'Of detector `system`.' },
    ),
    ec2: detector(
      allOn([...cloud, 'cloud.availability_zone', 'host.type', 'host.image.id']),
      'Of detector `ec2`, with version 2 of its protocol.',
    ),
    gcp: detector(
      allOn([...cloud, 'cloud.availability_zone', 'host.type', 'k8s.cluster.name']),
      'Of detector `gcp`: Compute Engine and Kubernetes Engine.',
    ),
    azure: detector(
      allOn([
        ...cloud,
        'azure.vm.name',
        'azure.vm.size',
        'azure.vm.scaleset.name',
        'azure.resourcegroup.name',
      ]),
      'Of detector `azure`.',
    ),
  },
  { additionalProperties: false },
);
export type ResourceDetectionConfig = Static<typeof resourceDetectionConfig>;
