import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnsupportedError, unsupportedIfRefused } from '../../../src/bpf/unsupported-error.ts';

const purpose = { purpose: 'attach to the scheduler', instead: 'the receiver "cgroup" works' };
const refused = (properties: object) => Object.assign(new Error('cannot load it: refused'), properties);

test('an unsupported machine is an error with all missing requirements, what still works, code and cause', () => {
  const cause = new Error('EPERM');
  const error = new UnsupportedError(purpose, ['no BTF', 'no rights'], cause);
  assert.equal(
    error.message,
    'cannot attach to the scheduler: no BTF; no rights (the receiver "cgroup" works)',
  );
  assert.deepEqual([error.code, error.cause, error.missing], ['UNSUPPORTED', cause, ['no BTF', 'no rights']]);
  assert.equal(new UnsupportedError({ purpose: 'see' }, ['no BTF']).message, 'cannot see: no BTF');
});

for (const code of ['EPERM', 'EACCES'])
  test(`${code} of the kernel means unsupported`, () => {
    const cause = refused({ code });
    const error = unsupportedIfRefused(purpose, cause);
    assert.ok(error instanceof UnsupportedError);
    assert.deepEqual(error.missing, ['the kernel refused the BPF programs (cannot load it: refused)']);
    assert.equal(error.cause, cause);
  });

const tcx = { code: 'EINVAL', feature: 'tcx', minimumKernel: '6.6' };
for (const { kernel, isUnsupported } of [
  { kernel: '5.15.0-91-generic', isUnsupported: true },
  { kernel: '6.5.13', isUnsupported: true },
  { kernel: '6.6.0-rc1', isUnsupported: false },
  { kernel: '6.18.0+', isUnsupported: false },
  { kernel: '7.0', isUnsupported: false },
])
  test(`a feature of 6.6 on ${kernel} is ${isUnsupported ? 'unsupported' : 'an error of its own'}`, () => {
    const cause = refused(tcx);
    const error = unsupportedIfRefused(purpose, cause, kernel);
    assert.equal(error instanceof UnsupportedError, isUnsupported);
    if (error instanceof UnsupportedError)
      assert.deepEqual(error.missing, [`the kernel, ${kernel}, has no tcx (needs 6.6 or later)`]);
    else assert.equal(error, cause);
  });

test('other errors are passed through unchanged', () => {
  const cause = refused({ code: 'ENOMEM' });
  assert.equal(unsupportedIfRefused(purpose, cause), cause);
});
