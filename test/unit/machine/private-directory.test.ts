import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { describeOwner, exposureOf, makeDirectory } from '../../../src/machine/private-directory.ts';

const uid = process.geteuid?.() ?? 0;
const other = uid + 1000;

test('a directory of this user, or of root, is private where no other may write to it', () => {
  for (const owner of [uid, 0])
    for (const mode of [0o40700, 0o40755, 0o42750, 0o41755])
      assert.equal(exposureOf({ uid: owner, mode }), 'private');
});

test('where others may write, the sticky bit decides whether they may replace what is there', () => {
  for (const mode of [0o40777, 0o40770, 0o40702, 0o42777]) assert.equal(exposureOf({ uid, mode }), 'open');
  for (const mode of [0o41777, 0o41770]) assert.equal(exposureOf({ uid, mode }), 'shared');
});

test('a directory of another user is never private', () => {
  for (const mode of [0o40700, 0o41777]) assert.equal(exposureOf({ uid: other, mode }), 'foreign');
});

test('the owner and the mode are described without the kind of file', () => {
  assert.equal(describeOwner({ uid: 1000, mode: 0o41777 }), 'it belongs to user 1000 and has mode 1777');
  assert.equal(describeOwner({ uid: 0, mode: 0o40007 }), 'it belongs to user 0 and has mode 0007');
});

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'earshot-directory-'));
  t.after(() => rmSync(made, { recursive: true }));
  return made;
}

test('directories that are missing are made for this user alone, those that exist stay as they are', async (t) => {
  const above = folder(t);
  chmodSync(above, 0o755);
  await makeDirectory(join(above, 'a', 'b'));
  const modes = ['.', 'a', 'a/b'].map((name) => statSync(join(above, name)).mode & 0o777);
  assert.deepEqual(modes, [0o755, 0o700, 0o700]);
});

test('a file in the place of a directory, or above it, is refused', async (t) => {
  const file = join(folder(t), 'file');
  writeFileSync(file, '');
  await assert.rejects(makeDirectory(file), { code: 'EEXIST' });
  await assert.rejects(makeDirectory(join(file, 'a')), { code: 'ENOTDIR' });
});
