import type { Static } from 'typebox';
import { otlpHttp } from '../../../../src/exporters/otlp-http/otlp-http.ts';
import { startOtlpHttpReceiver } from '../../../lab/otlp-http-receiver.ts';
import { batchWith } from '../../batch-with.ts';
import { settingUp, sharedDefaults, tlsOn } from '../otlp-fixture.ts';

export type Settings = Static<typeof otlpHttp.config>;

export const defaults: Settings = {
  ...sharedDefaults,
  encoding: 'proto',
  tls: tlsOn,
  temporality: 'delta',
};

export const setUp = settingUp(otlpHttp, { defaults, start: startOtlpHttpReceiver });

export const one = batchWith('metrics', { a: ['1'] });
