import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after } from 'node:test';
import type { Attributes } from '@opentelemetry/api';
import { hostFile } from '../../../../src/machine/host-file.ts';
import type { Detected } from '../../../../src/processors/resource-detection/clouds.ts';
import { resourceDetection } from '../../../../src/processors/resource-detection/resource-detection.ts';
import { bySignal } from '../../../../src/telemetry/batch.ts';
import { event } from '../../../../src/telemetry/logs.ts';
import { resource } from '../../../../src/telemetry/metrics/build.ts';
import { interval } from '../../batch-with.ts';
import { FakeClock } from '../../fake-clock.ts';
import { fakeHost } from '../../fake-host.ts';
import { loadProcessor } from '../load-processor.ts';

type Config = Parameters<typeof resourceDetection.open>[0];

const closers: (() => unknown)[] = [];
after(() => Promise.all(closers.map((close) => close())));

export type Answers = Readonly<Record<string, string | undefined>>;

/** A stand-in for the metadata server of a cloud: the protocol as it is documented, not the service itself. Null: no answer. */
export async function standIn(
  answers: Answers | ((request: IncomingMessage) => string | null | undefined),
  headers = {},
) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    const key = `${request.method} ${request.url}`;
    const text = typeof answers === 'function' ? answers(request) : answers[key];
    if (text !== null) response.writeHead(text === undefined ? 404 : 200, headers).end(text);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** Of a question that is not given up. */
export const signal = new AbortController().signal;
export const known = (detected: Detected) =>
  Object.fromEntries(Object.entries(detected).filter(([, value]) => value !== undefined));

/** What IMDSv2 answers; without a token nothing. */
export const ec2 = (region: () => string) => (request: IncomingMessage) => {
  if (request.method === 'PUT')
    return request.headers['x-aws-ec2-metadata-token-ttl-seconds'] ? 'secret' : undefined;
  if (request.headers['x-aws-ec2-metadata-token'] !== 'secret') return undefined;
  if (request.url === '/latest/meta-data/hostname') return 'ip-10-0-0-1.ec2.internal';
  return JSON.stringify({
    ...{ accountId: '42', region: region(), availabilityZone: `${region()}a`, instanceId: 'i-1' },
    ...{ imageId: 'ami-1', instanceType: 'm7.large', kernelId: null },
  });
};

/** An opened processor; its host's time stands still. */
export function opening(written: object, environment: Readonly<Record<string, string>> = {}, rootPath = '/') {
  const { host, logged } = fakeHost('resource_detection');
  const clock = new FakeClock();
  const endsWithin: typeof host.endsWithin = async (limit, work) => {
    const late = Promise.withResolvers<boolean>();
    const timer = clock.setTimer(limit, () => late.resolve(false));
    const isDone = await Promise.race([work.then(() => true), late.promise]);
    timer.cancel();
    return isDone;
  };
  const machine = {
    ...host.machine,
    environment,
    hostFile: (path: string) => hostFile(rootPath, path),
  };
  const config = loadProcessor('resource_detection', written) as Config;
  const opened = resourceDetection.open(config, { ...host, clock, endsWithin, machine });
  void opened.then(({ close }) => closers.push(close));
  return {
    ...{ clock, opened },
    log: () => logged.splice(0).map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

/** Attributes of a resource behind the processor, once it is open. */
export async function added(
  opened: ReturnType<typeof opening>['opened'],
  own: Attributes = {},
): Promise<Attributes> {
  const { process } = await opened;
  const of = { at: interval.end, observed: interval.end, attributes: {} };
  const batch = process({
    signal: 'logs',
    records: [event({ name: 'test' }, { ...of, resource: resource(own) })],
  });
  return (
    bySignal(batch, { logs: ({ records }) => records[0]?.resource.attributes }) ?? assert.fail('no record')
  );
}
