import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { retryDelay } from '../../../src/otlp/rpc-status.ts';
import { milliseconds, seconds } from '../../../src/telemetry/units.ts';
import { statusDetails } from '../../lab/otlp-receiver.ts';

test('the delay a server asks for is read to the nanosecond', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 31), (ms) => {
      assert.equal(retryDelay(statusDetails(14, 'busy', ms)), milliseconds(ms));
    }),
  );
});

test('retry information is found behind other details', () => {
  const other = Buffer.from('1a060a04612f622e', 'hex');
  assert.equal(retryDelay(Buffer.concat([other, statusDetails(8, '', 7000)])), seconds(7));
});

test('a status without retry information has no delay', () => {
  assert.equal(retryDelay(new Uint8Array()), undefined);
  assert.equal(retryDelay(Buffer.from('0808120462757379', 'hex')), undefined);
});

test('decoder: arbitrary bytes never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (garbage) => {
      assert.doesNotThrow(() => retryDelay(garbage));
    }),
  );
});

test('a status cut short gives no delay or the whole one', () => {
  const whole = statusDetails(14, 'busy', 7_250);
  for (let length = 0; length < whole.length; length++)
    assert.equal(retryDelay(whole.subarray(0, length)), undefined, `${length} bytes`);
});
