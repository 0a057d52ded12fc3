import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codecOf } from '../../../src/telemetry/otlp.ts';
import { decodeLogs, decodeMetrics, decodeTraces } from '../../lab/otlp-decode.ts';
import { batchWith } from '../batch-with.ts';
import { hostileNames } from '../hostile-names.ts';

const decoders = { metrics: decodeMetrics, logs: decodeLogs, traces: decodeTraces } as const;
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

for (const signal of ['metrics', 'logs', 'traces'] as const)
  test(`OTLP carries names as they are, in valid UTF-8: ${signal}`, () => {
    for (const [what, name] of Object.entries(hostileNames)) {
      const bytes = Buffer.from(codecOf(signal).encode(batchWith(signal, { [name]: ['a'] }), 'proto'));
      const [decoded] = decoders[signal](bytes);
      const wanted = name.toWellFormed(); // a receiver refuses a request with any other text
      assert.equal(decoded?.resource.name, wanted, what);
      const at = bytes.indexOf(Buffer.from(wanted));
      assert.equal(strict.decode(bytes.subarray(at, at + Buffer.byteLength(wanted))), wanted, what);
    }
  });
