import { randomUUID } from 'node:crypto';
import type { Attributes } from '@opentelemetry/api';
import { envDetector, type Resource } from '@opentelemetry/resources';
import type { ResourceSettings } from '../config/schema/telemetry.ts';
import { resourceAttributes } from '../telemetry/attributes/resource.ts';
import { resource } from '../telemetry/metrics/build.ts';
import { version } from '../version.ts';

/**
 * The agent itself. The configuration is stronger than `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`, and these than
 * what the agent knows.
 */
export function ownResourceOf(settings: ResourceSettings, node: string): Resource {
  const known: Attributes = {
    [resourceAttributes.serviceName.key]: 'earshot',
    [resourceAttributes.serviceVersion.key]: version,
    [resourceAttributes.serviceInstanceId.key]: randomUUID(),
    [resourceAttributes.hostName.key]: node,
  };
  return resource(present({ ...known, ...fromEnvironment(), ...settings }));
}

/** Those of the agent's surroundings, which its data share: what is not of a service. */
export const dataAttributesOf = (settings: ResourceSettings): Attributes =>
  present({ ...fromEnvironment(), ...settings }, (key) => !key.startsWith('service.'));

const fromEnvironment = () => envDetector.detect().attributes ?? {};

function present(all: object, isMeant = (_key: string) => true): Attributes {
  const there = Object.entries(all).filter(
    ([key, value]) => isMeant(key) && value !== null && value !== undefined,
  );
  return Object.fromEntries(there) as Attributes; // texts of the environment and checked values
}
