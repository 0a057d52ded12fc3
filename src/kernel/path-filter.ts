/**
 * Cgroup paths by pattern, from the root on: `*` within a segment, `**` across segments; a pattern also matches
 * everything below what it matches. An empty `include` includes everything; `exclude` goes before `include`. A cgroup
 * whose path nobody knows passes unless `include` asks for certain ones.
 */
export function pathFilter(
  include: readonly string[],
  exclude: readonly string[],
): (path: string | undefined) => boolean {
  const included = include.map(toRegExp);
  const excluded = exclude.map(toRegExp);
  return (path) => {
    if (path === undefined) return included.length === 0;
    if (excluded.some((pattern) => pattern.test(path))) return false;
    return included.length === 0 || included.some((pattern) => pattern.test(path));
  };
}

function toRegExp(pattern: string): RegExp {
  const source = pattern
    .replace(/\/+$/, '')
    .split(/(\*\*|\*)/)
    .map((part) => (part === '**' ? '.*' : part === '*' ? '[^/]*' : RegExp.escape(part)))
    .join('');
  return new RegExp(`^${source}(?:/|$)`);
}
