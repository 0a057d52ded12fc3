import { after, afterEach } from 'node:test';
import type { LiveSource } from '../../src/receivers/scheduler/live-scheduler.ts';
import { openScheduler, removeCgroups } from './scheduler-fixture.ts';

let attached: LiveSource | undefined;

/** Attaches for one test; when that has ended, nothing is attached any more, and after the last its cgroups go. */
export function attach(...options: Parameters<typeof openScheduler>): LiveSource {
  attached = openScheduler(...options);
  return attached;
}

afterEach(() => {
  attached?.close();
  attached = undefined;
});
after(removeCgroups);
