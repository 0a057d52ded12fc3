import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { nodeName } from '../../../src/machine/node-name.ts';

test('in a pod a host is called like the node, elsewhere as it calls itself', () => {
  assert.equal(nodeName({ K8S_NODE_NAME: 'node1' }), 'node1');
  assert.equal(nodeName({ K8S_NODE_NAME: '' }), hostname());
  assert.equal(nodeName({}), hostname());
});
