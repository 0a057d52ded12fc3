import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { printable } from '../../src/printable.ts';
import { usualOr } from '../lab/thorough.ts';
import { hostileNames, steers } from './hostile-names.ts';

test('ordinary names are printed as they are, systemd’s escapes too', () => {
  for (const name of ['shop/checkout', 'system-serial\\x2dgetty.slice', 'été 漢字 🚀', '\\u', '{}', ''])
    assert.equal(printable(name), name);
});

test('controls, formats, odd blanks and lone surrogates are escaped by their code point', () => {
  assert.equal(printable('\x1b[2J\n\u009b\u202e\u200b'), '\\u{1b}[2J\\u{a}\\u{9b}\\u{202e}\\u{200b}');
  assert.equal(printable('\ud83d!\u{e0041}\u3000'), '\\u{d83d}!\\u{e0041}\\u{3000}');
  for (const [what, name] of Object.entries(hostileNames)) {
    assert.doesNotMatch(printable(name), steers, what);
    assert.doesNotMatch(printable(name), /\n/, what);
  }
});

test('different texts stay different', () => {
  const decoded = (text: string) =>
    text.replace(/\\u\{([0-9a-f]+)\}/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
  const odd = fc.constantFrom('\\', 'u', '{', '}', '1b', '\x1b', '\n', '\u202e', '\ud800', '\udc00', '🚀');
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(odd).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (original) => {
      assert.equal(decoded(printable(original)), original);
      assert.doesNotMatch(printable(original), steers);
      assert.ok(printable(original).isWellFormed());
    }),
    { numRuns: usualOr(400, 2000) },
  );
});

test('what is longer than a path can be is cut, with the number of characters left out', () => {
  assert.equal(printable('x'.repeat(4096)), 'x'.repeat(4096));
  assert.equal(printable('x'.repeat(5000)), `${'x'.repeat(4096)}… (904 more)`);
});

test('only these modules write to the terminal', () => {
  const root = new URL('../../src/', import.meta.url).pathname;
  const writers = globSync('**/*.ts', { cwd: root }).filter((file) =>
    /process\.(stdout|stderr)\.write|\bconsole\./.test(readFileSync(`${root}${file}`, 'utf8')),
  );
  assert.deepEqual(writers.sort(), ['cli/output.ts', 'machine/machine.ts']);
});
