import { Type } from '../config/schema/type.ts';

/** Path of a cgroup in the configuration, for `pathPattern`. */
export const cgroupPattern = () =>
  Type.String({
    pattern: '^/',
    description: 'a cgroup path begins with "/", as in /kubepods or /system.slice/docker-*.scope',
  });

/** Several of them, for a `pathFilter`. */
export const cgroupPatterns = (description: string) =>
  Type.Array(cgroupPattern(), { default: [], description });
