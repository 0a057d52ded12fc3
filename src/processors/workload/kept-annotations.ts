import type { WorkloadConfig } from './config.ts';
import { wholeKey } from './extract.ts';
import { ignoreKey } from './selection.ts';
import { annotationPrefix } from './service-attributes.ts';

/** Which annotations of pods are of use: the rest, up to 256 KiB a pod, is not kept. */
export function keptAnnotations({
  extract,
  include,
  exclude,
}: Pick<WorkloadConfig, 'extract' | 'include' | 'exclude'>): (key: string) => boolean {
  const keys = new Set([
    ignoreKey,
    ...[...include, ...exclude].flatMap(({ annotations }) => Object.keys(annotations)),
    ...extract.annotations.flatMap(({ key }) => key ?? []),
  ]);
  const patterns = extract.annotations.flatMap(({ key_regex: regex }) => regex ?? []).map(wholeKey);
  return (key) =>
    key.startsWith(annotationPrefix) || keys.has(key) || patterns.some((pattern) => pattern.test(key));
}
