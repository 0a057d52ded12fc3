import { type Closable, type Running, serviceRef } from '../component.ts';
import type { Nanoseconds } from '../telemetry/units.ts';
import type { Answer, Known, Reply } from './answer.ts';
import { findNamed, mostNames, namesLike } from './find.ts';

/** Gives answers: a component that has judged the windows. */
export interface Explainer {
  /** All that it can tell of now. */
  workloads(): readonly Known[];
  /** Over the newest windows of that length; undefined: it is not known any more. */
  explain(key: string, since: Nanoseconds): Answer | undefined;
}

/** Joins components that know why workloads wait with those that take questions. */
export interface Explanations extends Closable {
  /** Until the result is called. */
  provide(explainer: Explainer): () => void;
  /** Questions may come, until the result is called. */
  listen(): () => void;
  /** Whether questions may come: if not, nothing needs to be retained. */
  readonly isListening: boolean;
  ask(name: string, since: Nanoseconds): Reply;
}

export const explanations = serviceRef({ id: 'explanations', open: async () => openExplanations() });

export function openExplanations(): Explanations & Running {
  const explainers = new Set<Explainer>();
  const listeners = new Set<object>();
  return {
    provide: (explainer) => joined(explainers, explainer),
    listen: () => joined(listeners, {}),
    get isListening() {
      return listeners.size > 0;
    },
    ask: (name, since) => reply([...explainers], name, since),
    close: async () => explainers.clear(),
  };
}

function joined<T>(all: Set<T>, member: T): () => void {
  all.add(member);
  return () => void all.delete(member);
}

/** Of two explainers that know a workload the one that was there first answers. */
function reply(explainers: readonly Explainer[], name: string, since: Nanoseconds): Reply {
  if (explainers.length === 0) return { kind: 'nothing', reason: 'no_connector' };
  const byKey = new Map<string, { readonly known: Known; readonly explainer: Explainer }>();
  for (const explainer of explainers)
    for (const known of explainer.workloads())
      if (!byKey.has(known.key)) byKey.set(known.key, { known, explainer });
  const all = [...byKey.values()].map(({ known }) => known).sort((a, b) => b.waitShare - a.waitShare);
  if (all.length === 0) return { kind: 'nothing', reason: 'no_window' };
  const found = findNamed(all, name);
  const [only] = found;
  if (!only) {
    const alike = namesLike(all, name);
    const near = alike.length > 0 ? alike : all.slice(0, mostNames).map((of) => of.name);
    return { kind: 'unknown', near, isAlike: alike.length > 0, workloads: all.length };
  }
  if (found.length > 1)
    return { kind: 'ambiguous', candidates: found.map(({ key: _, ids: __, ...candidate }) => candidate) };
  const answer = byKey.get(only.key)?.explainer.explain(only.key, since);
  return answer ? { kind: 'answer', answer } : { kind: 'nothing', reason: 'no_window' };
}
