import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlotOwners } from '../../../../src/receivers/scheduler/slot-owners.ts';

const slot = 3;

test('the owner of a slot is the cgroup that claimed it', () => {
  const owners = new SlotOwners();
  assert.equal(owners.find(slot), undefined);
  owners.claimSlot(slot, 5n);
  owners.claimSlot(slot, 5n, true);
  assert.equal(owners.find(slot), 5n);
  assert.deepEqual([owners.has(slot), owners.has(slot + 1)], [true, false]);
});

test('a slot with two living owners is contested until its histogram was read', () => {
  const owners = new SlotOwners();
  owners.claimSlot(slot, 5n);
  owners.claimSlot(slot, 6n);
  assert.equal(owners.find(slot), undefined);
  owners.endContest(slot);
  assert.equal(owners.find(slot), 6n);
});

test('the successor of a removed cgroup contests nothing, unless that one waits once more', () => {
  const owners = new SlotOwners();
  owners.claimSlot(slot, 5n);
  owners.markGone(slot, 5n);
  owners.claimSlot(slot, 6n);
  assert.equal(owners.find(slot), 6n);
  owners.claimSlot(slot, 5n, true);
  assert.equal(owners.find(slot), undefined);
});

test('an earlier cgroup than the owner contests the slot where its cell is new', () => {
  const owners = new SlotOwners();
  owners.claimSlot(slot, 6n);
  owners.claimSlot(slot, 5n);
  assert.equal(owners.find(slot), 6n);
  owners.contestIfFormer(slot, 6n);
  assert.equal(owners.find(slot), 6n);
  owners.contestIfFormer(slot, 5n);
  assert.equal(owners.find(slot), undefined);
});

test('only the owner can be marked as gone', () => {
  const owners = new SlotOwners();
  owners.claimSlot(slot, 6n);
  owners.markGone(slot, 5n);
  owners.claimSlot(slot, 7n);
  assert.equal(owners.find(slot), undefined);
});
