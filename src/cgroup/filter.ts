/**
 * Cgroup paths by pattern, from the root on: `*` within a segment, `**` across segments; a pattern also matches
 * everything below what it matches. An empty `include` includes everything; `exclude` goes before `include`. A cgroup
 * without a known path passes unless `include` is set.
 */
export function pathFilter(
  include: readonly string[],
  exclude: readonly string[],
): (path: string | undefined) => boolean {
  const included = include.map(pathPattern);
  const excluded = exclude.map(pathPattern);
  return (path) => {
    if (path === undefined) return included.length === 0;
    if (excluded.some((isMatch) => isMatch(path))) return false;
    return included.length === 0 || included.some((isMatch) => isMatch(path));
  };
}

/** Whether a path is, or is below, what one pattern matches. */
export function pathPattern(pattern: string): (path: string) => boolean {
  const matching = toRegExp(pattern);
  return (path) => matching.test(path);
}

function toRegExp(pattern: string): RegExp {
  const source = pattern
    .replace(/\/+$/, '')
    .split(/(\*\*|\*)/)
    .map((part) => (part === '**' ? '.*' : part === '*' ? '[^/]*' : RegExp.escape(part)))
    .join('');
  return new RegExp(`^${source}(?:/|$)`);
}
