import { containerIn, helperIn, type NamedContainer } from './container-directory.ts';
import type { PathIdentity, Qos } from './path-identity.ts';
import { unescapeUnit, unitIn } from './systemd-unit.ts';

type Pod = Pick<PathIdentity, 'podUid' | 'qos'>;

/** `pod<uid>` with either driver, and the 32 hex digits of a static pod; a kubelet may have a prefix configured. */
const podSegment =
  /^(?:(?:.+-)?kubepods-)?(?:(burstable|besteffort)-)?pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?$/;
const kubeSegment = /^(?:.+-)?kubepods(?:-(burstable|besteffort))?(?:\.slice)?$/;
const classSegment = /^(burstable|besteffort)$/;

/** The innermost container counts: in kind or docker-in-docker the outer one is only the node. */
export function identifyPath(path: string): PathIdentity {
  const raw = path.split('/').filter(Boolean);
  const segments = raw.filter((segment) => segment !== '..').map(unescapeUnit);
  let isKube = false;
  let level: Qos | undefined; // the part of a kubelet's hierarchy this is in
  let pod: Pod | undefined;
  let container: NamedContainer | undefined;
  let helper: string | undefined;
  for (const [i, segment] of segments.entries()) {
    const kube = kubeSegment.exec(segment);
    if (kube) isKube = true;
    if (kube ?? classSegment.test(segment)) level = (kube ? kube[1] : segment) as Qos | undefined;
    // an older containerd under systemd: kubepods-…-pod<uid>.slice:cri-containerd:<id>
    const named = podSegment.exec(segment.split(':', 1)[0] ?? '');
    if (named) {
      isKube ||= segment.includes('kubepods');
      const qos = (named[1] as Qos | undefined) ?? level ?? (isKube ? 'guaranteed' : undefined);
      pod = { podUid: (named[2] ?? '').replaceAll('_', '-'), ...(qos && { qos }) };
      container = undefined;
    }
    if (!container) helper = helperIn(segment) ?? helper;
    container = containerIn(segments, i) ?? container;
  }
  if (container) return { kind: 'container', ...container, ...pod };
  if (helper !== undefined) return { ...unitIn(raw), kind: 'service', name: helper, isHelper: true };
  if (pod) return { kind: 'pod', ...pod };
  const last = segments.at(-1) ?? '';
  if (isKube && (kubeSegment.test(last) || classSegment.test(last))) return { ...unitIn(raw), kind: 'slice' };
  return unitIn(raw);
}
