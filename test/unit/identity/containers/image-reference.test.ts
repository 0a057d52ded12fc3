import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseImageReference } from '../../../../src/identity/containers/image-reference.ts';

const digest = `sha256:${'0a'.repeat(32)}`;

test('an image reference is name, tag and digest, and a port is no tag', () => {
  for (const [reference, expected] of [
    ['nginx', { name: 'nginx' }],
    ['nginx:1.27', { name: 'nginx', tag: '1.27' }],
    ['docker.io/library/nginx:1.27', { name: 'docker.io/library/nginx', tag: '1.27' }],
    ['registry:5000/team/app', { name: 'registry:5000/team/app' }],
    ['registry:5000/team/app:v2', { name: 'registry:5000/team/app', tag: 'v2' }],
    [`quay.io/app@${digest}`, { name: 'quay.io/app', digest }],
    [`registry:5000/app:v2@${digest}`, { name: 'registry:5000/app', tag: 'v2', digest }],
  ] as const)
    assert.deepEqual(parseImageReference(reference), expected, reference);
});

test('an image id, or an empty reference, is no name', () => {
  for (const reference of [digest, digest.slice(7), 'd31b0127d1a3', `@${digest}`, ':1', '', undefined])
    assert.equal(parseImageReference(reference), undefined, reference);
});
