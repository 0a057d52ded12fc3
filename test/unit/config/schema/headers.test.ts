import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metadata } from '@grpc/grpc-js';
import fc from 'fast-check';
import { metadataOf } from '../../../../src/client/grpc-metadata.ts';
import { headerProblems } from '../../../../src/config/schema/headers.ts';

/** What grpc-js itself says. */
function isCarried(name: string, value: string): boolean {
  try {
    new Metadata().set(name, /-bin$/i.test(name) ? Buffer.from(value) : value);
    return true;
  } catch {
    return false;
  }
}

test('a header is a problem where grpc-js refuses it, and only there', () => {
  const text = fc.string({ unit: 'binary', maxLength: 4 });
  const end = fc.constantFrom('', '-bin', '-BIN', '-bin\n', ':', '\u{212a}');
  const header = fc.record({
    name: fc.tuple(fc.constantFrom('', 'a'), text, end).map((of) => of.join('')),
    value: text,
  });
  fc.assert(
    fc.property(header, ({ name, value }) => {
      assert.equal(headerProblems({ [name]: value }, 'gRPC').length === 0, isCarried(name, value));
    }),
    { numRuns: 3000 },
  );
  assert.deepEqual(metadataOf({ 'Key-BIN': '\n' }).get('key-bin'), [Buffer.from('\n')]);
});
