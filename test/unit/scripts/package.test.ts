import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const cwd = fileURLToPath(new URL('../../..', import.meta.url));

test('the package has the object of each BPF source, and no other', () => {
  const { files } = JSON.parse(readFileSync(`${cwd}/package.json`, 'utf8')) as {
    readonly files: readonly string[];
  };
  const packaged = globSync(files, { cwd }).filter((path) => path.endsWith('.o'));
  const sources = globSync(['bpf/*.bpf.c', 'bpf/*/*.bpf.c'], { cwd });
  assert.deepEqual(
    packaged.map((path) => basename(path, '.o')).sort(),
    sources.map((path) => basename(path, '.c')).sort(),
  );
});

test('the agent has the same flags of Node.js in the package, by npm start and in the image, and no signal opens a debugger', () => {
  const read = (path: string) => readFileSync(`${cwd}/${path}`, 'utf8');
  const flags = (text: string) => {
    const [, words = ''] = /\bnode"?,? ((?:"?--[\w=-]+"?,? )+)/.exec(`${text} `) ?? [];
    return [...words.matchAll(/--[\w=-]+/g)].map(String);
  };
  const [shebang = ''] = read('src/main.ts').split('\n', 1);
  const { scripts } = JSON.parse(read('package.json'));
  assert.ok(flags(shebang).includes('--disable-sigusr1'));
  assert.deepEqual(flags(scripts.start), flags(shebang));
  assert.deepEqual(flags(/^ENTRYPOINT.*$/m.exec(read('Dockerfile'))?.[0] ?? ''), flags(shebang));
});
