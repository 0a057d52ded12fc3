import { after, afterEach } from 'node:test';
import { openScheduler, removeCgroups, type TestSource } from './scheduler-fixture.ts';

let attached: TestSource | undefined;

/** Attaches for one test; when that has ended, nothing is attached any more, and after the last its cgroups go. */
export function attach(...options: Parameters<typeof openScheduler>): TestSource {
  attached = openScheduler(...options);
  return attached;
}

afterEach(() => {
  attached?.close();
  attached = undefined;
});
after(removeCgroups);
