import { Type } from 'typebox';

/** Paths of cgroups in the configuration, for a `pathFilter`. */
export const cgroupPatterns = (description: string) =>
  Type.Array(
    Type.String({
      pattern: '^/',
      description: 'a cgroup path begins with "/", as in /kubepods or /system.slice/docker-*.scope',
    }),
    { default: [], description },
  );
