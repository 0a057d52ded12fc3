import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { imageConfig } from '../../../scripts/image-config.ts';

const dockerfile = readFileSync(new URL('../../../Dockerfile', import.meta.url), 'utf8');

test("the image has the settings of the Dockerfile's last stage", () => {
  const { Entrypoint, Cmd, Labels } = imageConfig(dockerfile);
  assert.deepEqual(Entrypoint?.slice(-1), ['/opt/earshot/dist/main.js']);
  assert.deepEqual(Cmd, ['run', '--config', '/opt/earshot/config/earshot.yaml']);
  assert.equal(Labels?.['org.opencontainers.image.licenses'], 'Apache-2.0');
});

test('earlier stages of the Dockerfile do not affect the image', () => {
  const config = imageConfig(
    'FROM a AS build\nCMD ["x"]\nFROM scratch\nENV A=1\nENV B=2\nLABEL a.b="c"\nLABEL d="e"\n',
  );
  assert.deepEqual(config, { Env: ['A=1', 'B=2'], Labels: { 'a.b': 'c', d: 'e' } });
});

for (const line of ['RUN apt-get update', 'USER 1000', 'cmd ["x"]', 'LABEL unquoted=x'])
  test(`an unsupported instruction is refused: ${line}`, () => {
    assert.throws(() => imageConfig(`FROM scratch\n${line}\n`), /cannot/);
  });
