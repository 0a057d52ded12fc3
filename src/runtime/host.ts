import type { Static, TObject } from 'typebox';
import type { Closable, ServiceHost, ServiceRef, UsedBy } from '../component.ts';
import { endsWithin } from '../machine/clock.ts';
import { logFields, type Subject } from '../telemetry/health.ts';
import type { Services, User } from './services.ts';
import type { World } from './world.ts';

/** Through what a component or service acts. */
export function hostOf(
  subject: Subject,
  { world, services, user }: { readonly world: World; readonly services: Services; readonly user: User },
): ServiceHost {
  const { counters, bpf, clock, machine, ownResource, hostSettings } = world;
  return {
    ...{ id: subject.id, counters, bpf, clock, machine, ownResource },
    log: world.log.child(logFields(subject)),
    endsWithin: (limit, work) => endsWithin(clock, limit, work),
    hostSettings: <Keys extends TObject>(_: Keys) => hostSettings as Static<Keys>, // the configuration was checked by it
    use: <T extends Closable, Settings>(ref: ServiceRef<T, Settings>, by?: UsedBy<Settings>) =>
      services.use(user, ref, by),
  };
}
