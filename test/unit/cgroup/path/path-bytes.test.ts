import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pathBytes, pathText } from '../../../../src/cgroup/path/path-bytes.ts';

const textOf = (bytes: Uint8Array) => pathText(Buffer.from(bytes).toString('latin1'));
const bytesOf = (text: string) => Buffer.from(pathBytes(text));

/** Bytes that are likely to be taken for an escape, or for parts of UTF-8. */
const pieces = fc.constantFrom(
  ...['\\', '3', '7', '134', '\\377', '\\134', '\\x2d', '/', 'é', '漢', '🚀', '\n'].map((text) =>
    Buffer.from(text),
  ),
  ...[[0xff], [0xc3], [0xa9], [0xed, 0xa0, 0x80], [0xc0, 0xaf], [0xf0, 0x9f], [0xef, 0xbb, 0xbf]].map(
    (bytes) => Buffer.from(bytes),
  ),
);
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.array(pieces).map((parts) => Buffer.concat(parts)),
);

test('every sequence of bytes has a text from which it comes back', () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const text = textOf(bytes);
      assert.deepEqual(bytesOf(text), bytes);
      assert.ok(text.isWellFormed());
    }),
    { numRuns: 5000 },
  );
});

test('a text has as many separators, and NULs, as its bytes', () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const count = (byte: number) => bytes.filter((each) => each === byte).length;
      const text = textOf(bytes);
      assert.equal(text.split('/').length - 1, count(0x2f));
      assert.equal(text.split('\0').length - 1, count(0));
    }),
  );
});

test('the text of a path is the texts of its names', () => {
  const names = fc.array(anyBytes.map((bytes) => bytes.filter((byte) => byte !== 0x2f)));
  fc.assert(
    fc.property(names, (parts) => {
      const path = Buffer.from(parts.flatMap((part) => [0x2f, ...part]));
      assert.equal(textOf(path), parts.map((part) => `/${textOf(part)}`).join(''));
    }),
  );
});

test('only bytes that are no UTF-8 are octal, and a backslash that looks like the begin of it', () => {
  for (const [bytes, text] of [
    ['/docker-a.scope/\xff/inner', '/docker-a.scope/\\377/inner'],
    ['/\xfe', '/\\376'],
    ['/\\377', '/\\134377'],
    ['/\\134377', '/\\134134377'],
    ['/system-serial\\x2dgetty.slice/\\xff', '/system-serial\\x2dgetty.slice/\\xff'],
    ['/\xc3\xa9t\xc3', '/ét\\303'],
    ['/\xed\xa0\x80', '/\\355\\240\\200'],
    ['/\xc0\xaf', '/\\300\\257'],
    ['/\\', '/\\'],
  ] as const) {
    assert.equal(pathText(bytes), text);
    assert.equal(Buffer.from(pathBytes(text)).toString('latin1'), bytes);
  }
});
