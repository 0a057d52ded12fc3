import type { PathIdentity } from './path-identity.ts';

/** `\x2d` and the like, which systemd writes for what a unit's name must not hold. Slashes and controls stay as they are. */
export function unescapeUnit(segment: string): string {
  return segment.replaceAll(/(?:\\x[0-9a-f]{2})+/g, (escaped) => {
    const text = Buffer.from(escaped.replaceAll('\\x', ''), 'hex').toString('utf8');
    return /[\p{Cc}/\ufffd]/u.test(text) ? escaped : text;
  });
}

/** Services of nodes that have no systemd (Talos), and where a kubelet without it puts the node's daemons. */
const directoriesOfServices = new Set([
  'init',
  'system',
  'podruntime',
  'kubelet',
  'system-reserved',
  'kube-reserved',
]);
const unitForm = /\.(?:service|scope|slice|socket|mount|swap)$/;
const serviceForm = /\.(?:service|socket|mount|swap)$/;

/** The unit of a path in which no container is; segments as in the path. */
export function unitIn(raw: readonly string[]): PathIdentity {
  const units = raw.filter((segment) => unitForm.test(segment));
  if (raw.find((segment) => segment !== '..') === 'user.slice') return userUnitIn(units);
  const last = raw.at(-1);
  if (last === undefined) return { kind: 'root' };
  const service = units.find((unit) => serviceForm.test(unit));
  if (service) return { kind: 'service', unit: nameOf(service) };
  const scope = units.find((unit) => unit.endsWith('.scope'));
  if (scope) return { kind: 'scope', unit: nameOf(scope) };
  if (last.endsWith('.slice')) return { kind: 'slice', unit: nameOf(last) };
  return { kind: directoriesOfServices.has(raw[0] ?? '') ? 'service' : 'cgroup' };
}

/** The innermost unit; of a user's own systemd the service it is. */
function userUnitIn(units: readonly string[]): PathIdentity {
  const last = units.at(-1) ?? '';
  const isManager = last === 'init.scope' && units.length > 1;
  const unit = isManager ? (units.at(-2) ?? '') : last;
  const application = applicationIn(unit) ?? (unit.endsWith('.scope') ? applicationOf(units) : undefined);
  return { kind: 'user', unit: nameOf(unit), ...(application !== undefined && { name: application }) };
}

/**
 * What the desktop file of an application is called: `app[-<launcher>]-<application>-<random>.scope` and
 * `app[-<launcher>]-<application>[@<random>].service`, with dashes inside the parts escaped.
 */
function applicationIn(unit: string): string | undefined {
  const [, parts = '', suffix] = /^app-(.+)\.(scope|service|slice)$/.exec(unit) ?? [];
  if (suffix === undefined) return undefined;
  const names = (parts.split('@', 1)[0] ?? '').split('-');
  return unescapeUnit(names.at(suffix === 'scope' && names.length > 1 ? -2 : -1) ?? '') || undefined;
}

/** An application may give each of its parts a scope, in a slice of its own. */
function applicationOf(units: readonly string[]): string | undefined {
  const slice = units.findLast((unit) => unit.startsWith('app-') && unit.endsWith('.slice'));
  return slice === undefined ? undefined : applicationIn(slice);
}

/** systemd writes `_` before a name that the kernel may use for a file of its own (`_cpu.service`). */
function nameOf(unit: string): string {
  return unescapeUnit(unit.replace(/^_/, ''));
}
