import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findNamed, namesLike } from '../../../src/explanations/find.ts';

const named = (name: string, more: object = {}) => ({ name, ids: [], ...more });
const web = named('shop/checkout-7f9c/web', {
  cgroup: '/kubepods.slice/kubepods-pod1.slice/cri-containerd-0123456789ab.scope',
  ids: ['0123456789abcdef', '42'],
  owner: 'Deployment checkout',
});
const sidecar = named('shop/checkout-7f9c/proxy', {
  ids: ['fedcba9876543210'],
  owner: 'Deployment checkout',
});
const worker = named('shop/checkout-worker-5d/web', { owner: 'Deployment checkout-worker' });
const ssh = named('ssh.service', { cgroup: '/system.slice/ssh.service' });
const root = named('root cgroup', { cgroup: '/' });
const all = [web, sidecar, worker, ssh, root];

const found = (written: string) => findNamed(all, written).map(({ name }) => name);

test('a whole name means that workload alone', () => {
  for (const { name } of all) assert.deepEqual(found(name), [name]);
  assert.deepEqual(found('/system.slice/ssh.service'), ['ssh.service']);
});

test('a name is found whatever its case, without the suffix of its unit', () => {
  assert.deepEqual(found('SSH'), ['ssh.service']);
});

test('an owner means its pods, and no other owner whose name begins alike', () => {
  assert.deepEqual(found('checkout'), [web.name, sidecar.name]);
  assert.deepEqual(found('checkout-worker'), [worker.name]);
});

test('the sandbox of a pod is not meant by the name of the pod, unless it is alone', () => {
  const pod = { namespace: 'shop', pod: 'cart-5f' };
  const sandbox = named('shop/cart-5f', { ...pod, ids: ['abcdefabcdef'], owner: 'Deployment cart' });
  const app = named('shop/cart-5f/app', { ...pod, container: 'app', owner: 'Deployment cart' });
  for (const written of ['cart', 'cart-5f', 'shop/cart-5f', 'shop'])
    assert.deepEqual(findNamed([sandbox, app], written), [app], written);
  assert.deepEqual(findNamed([sandbox, app], 'abcdefabcdef'), [sandbox]);
  assert.deepEqual(findNamed([sandbox], 'cart'), [sandbox]);
});

test('pod, container, namespace and container id are found', () => {
  assert.deepEqual(found('checkout-7f9c'), [web.name, sidecar.name]);
  assert.deepEqual(found('proxy'), [sidecar.name]);
  assert.deepEqual(found('shop'), [web.name, sidecar.name, worker.name]);
  assert.deepEqual(found('0123456789ab'), [web.name]);
  assert.deepEqual(found('42'), [web.name], 'id of the cgroup');
});

test('namespace/pod and a fragment of the path of the cgroup are found', () => {
  assert.deepEqual(found('shop/checkout-7f9c'), [web.name, sidecar.name]);
  assert.deepEqual(found('kubepods-pod1'), [web.name]);
  assert.deepEqual(found('7f9c/prox'), [sidecar.name]);
});

test('a few digits of an id mean nothing, and neither does an empty name', () => {
  assert.deepEqual(found('0123'), [web.name], 'part of the path of its cgroup');
  assert.deepEqual(found('fedc'), []);
  assert.deepEqual(found(''), []);
});

test('names that look alike are suggested, the most alike first', () => {
  assert.deepEqual(namesLike(all, 'chekout').slice(0, 1), [web.name]);
  assert.deepEqual(namesLike(all, 'sssh'), ['ssh.service']);
  assert.deepEqual(namesLike(all, 'zzzzzzzz'), []);
});

test('a name of any length is compared in bounded time', () => {
  assert.deepEqual(found('x'.repeat(1_000_000)), []);
  assert.deepEqual(namesLike(all, 'x'.repeat(1_000_000)), []);
});
