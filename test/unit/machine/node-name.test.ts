import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { nodeName } from '../../../src/machine/node-name.ts';

test("the host's name is the node's in a pod, the hostname otherwise", () => {
  assert.equal(nodeName({ K8S_NODE_NAME: 'node1' }), 'node1');
  assert.equal(nodeName({ K8S_NODE_NAME: '' }), hostname());
  assert.equal(nodeName({}), hostname());
});
