import { type Component, signalsOf } from '../../component.ts';
import type { Signal } from '../../telemetry/batch.ts';
import type { Pipeline } from '../config.ts';
import type { Path } from '../config-error.ts';
import type { Gates } from '../gates.ts';
import { type Connects, plan, type Vertex } from '../graph.ts';
import type { Section } from '../schema/file-schema.ts';
import { didYouMean } from './did-you-mean.ts';

/** Configured components by id; undefined: of unknown type, which was reported already. */
export type Catalogue = Readonly<Record<Section, ReadonlyMap<string, Component | undefined>>>;

interface Report {
  error(path: Path, message: string): void;
  warn(path: Path, message: string): void;
}

interface Service {
  readonly pipelines: readonly Pipeline[];
  readonly extensions: readonly string[];
}

/** Checks that each reference in `service` has a target that fits its place. */
export function checkReferences(
  { pipelines, extensions }: Service,
  catalogue: Catalogue,
  report: Report,
): void {
  for (const pipeline of pipelines)
    for (const list of ['receivers', 'processors', 'exporters'] as const) {
      const named = new Set<string>();
      for (const [index, id] of pipeline[list].entries()) {
        const path = ['service', 'pipelines', pipeline.id, list, index];
        const message = referenceProblem(id, { pipeline, list, catalogue });
        const isRepeated = named.has(id);
        named.add(id);
        if (!isRepeated && message) report.error(path, message);
        if (isRepeated) {
          const repeated = `references ${list.slice(0, -1)} "${id}" multiple times`;
          if (list === 'processors') report.error(path, `${repeated}: leave one out`);
          else report.warn(path, repeated);
        }
      }
    }
  for (const [index, id] of extensions.entries())
    if (!catalogue.extensions.has(id))
      report.error(
        ['service', 'extensions', index],
        notConfigured('extension', id, [...catalogue.extensions.keys()]),
      );
}

function referenceProblem(
  id: string,
  {
    pipeline,
    list,
    catalogue,
  }: { pipeline: Pipeline; list: 'receivers' | 'processors' | 'exporters'; catalogue: Catalogue },
): string | undefined {
  const kind = list.slice(0, -1);
  const connectors = list === 'processors' ? new Map() : catalogue.connectors;
  if (list === 'processors' && !catalogue.processors.has(id) && catalogue.connectors.has(id))
    return `"${id}" is a connector: name it in the exporters of one pipeline and the receivers of another`;
  if (!catalogue[list].has(id))
    return connectors.has(id)
      ? undefined
      : notConfigured(kind, id, [...catalogue[list].keys(), ...connectors.keys()]);
  const component = catalogue[list].get(id);
  if (component === undefined || component.kind === 'connector' || component.kind === 'extension')
    return undefined;
  const signals = signalsOf(component);
  if (signals.includes(pipeline.signal)) return undefined;
  return `${kind} "${id}" does not support ${pipeline.signal} (only ${signals.join(' and ')})`;
}

const notConfigured = (kind: string, id: string, ids: readonly string[]) =>
  `references ${kind} "${id}" which is not configured${didYouMean(id, ids) || `: add it to ${kind}s`}`;

/** Refuses pipelines of a signal whose gate is closed. */
export function checkSignals({ pipelines }: Service, gates: Gates, report: Report): void {
  if (gates.has('service.profilesSupport')) return;
  for (const { id, signal } of pipelines)
    if (signal === 'profiles')
      report.error(
        ['service', 'pipelines', id],
        'profiling signal support is gated under the "service.profilesSupport" feature gate, which --feature-gates disables: leave it out there',
      );
}

/** Refuses a second instance of an exclusive component that runs. */
export function checkExclusive(
  { pipelines, extensions }: Service,
  catalogue: Catalogue,
  report: Report,
): void {
  const used = new Set([
    ...pipelines.flatMap((pipeline) => [...pipeline.receivers, ...pipeline.exporters]),
    ...extensions,
  ]);
  for (const [section, configured] of Object.entries(catalogue)) {
    const first = new Map<Component, string>();
    for (const [id, component] of configured) {
      if (!component?.exclusive || !used.has(id)) continue;
      const other = first.get(component);
      if (other === undefined) first.set(component, id);
      else
        report.error(
          [section, id],
          `there is "${other}" already: an agent can have one ${component.type} only, leave one out`,
        );
    }
  }
}

/** Checks all pipelines together: connectors with one end, unused components. */
export function checkWiring(service: Service, catalogue: Catalogue, report: Report): void {
  checkConnectors(service.pipelines, catalogue, report);
  warnOfUnused(service, catalogue, report);
}

function checkConnectors(
  pipelines: readonly Pipeline[],
  { connectors, receivers, exporters }: Catalogue,
  report: Report,
) {
  const uses = { receivers: usesOf(pipelines, 'receivers'), exporters: usesOf(pipelines, 'exporters') };
  for (const [id, component] of connectors) {
    for (const [kind, others] of [
      ['receiver', receivers],
      ['exporter', exporters],
    ] as const)
      if (others.has(id))
        report.error(['connectors', id], `ambiguous ID: Found both "${id}" ${kind} and "${id}" connector`);
    if (component?.kind !== 'connector') continue;

    for (const [list, otherList, side, otherSide] of [
      ['exporters', 'receivers', 'from', 'to'],
      ['receivers', 'exporters', 'to', 'from'],
    ] as const) {
      const others = new Set((uses[otherList].get(id) ?? []).map(({ signal }) => signal));
      const isMatched = (signal: Signal) =>
        component.connects.some((pair) => pair[side] === signal && others.has(pair[otherSide]));
      const remedyOf = (signal: Signal) => {
        const pairs = component.connects.filter((pair) => pair[side] === signal);
        const signals = [...new Set(pairs.map((pair) => pair[otherSide]))].join(' or ');
        return signals === '' ? '' : `: name it in the ${otherList} of a pipeline of ${signals}`;
      };
      for (const use of uses[list].get(id) ?? []) {
        if (isMatched(use.signal)) continue;
        report.error(
          ['service', 'pipelines', use.id, list, use[list].indexOf(id)],
          `connector "${id}" used as ${list.slice(0, -1)} in [${use.id}] pipeline but not used in any supported ${otherList.slice(0, -1)} pipeline${remedyOf(use.signal)}`,
        );
      }
    }
  }
}

/** The pipelines that name an id in a list. */
function usesOf(pipelines: readonly Pipeline[], list: 'receivers' | 'exporters') {
  const uses = new Map<string, Pipeline[]>();
  for (const pipeline of pipelines)
    for (const id of new Set(pipeline[list])) {
      const known = uses.get(id);
      if (known) known.push(pipeline);
      else uses.set(id, [pipeline]);
    }
  return uses;
}

function warnOfUnused(service: Service, catalogue: Catalogue, report: Report): void {
  const used = new Set(
    service.pipelines.flatMap((pipeline) => [
      ...pipeline.receivers.flatMap((id) => [`receivers ${id}`, `connectors ${id}`]),
      ...pipeline.processors.map((id) => `processors ${id}`),
      ...pipeline.exporters.flatMap((id) => [`exporters ${id}`, `connectors ${id}`]),
    ]),
  );
  for (const id of service.extensions) used.add(`extensions ${id}`);
  for (const [section, configured] of Object.entries(catalogue))
    for (const id of configured.keys())
      if (!used.has(`${section} ${id}`))
        report.warn(
          [section, id],
          section === 'extensions'
            ? 'configured but not in service::extensions'
            : 'configured but used in no pipeline',
        );
}

/** The way round a cycle of pipelines, in words; undefined: there is none. */
export function describeCycle(pipelines: readonly Pipeline[], connects: Connects): string | undefined {
  const found = plan(pipelines, connects);
  if (found.kind === 'order') return undefined;
  const name = ({ role, id, pipeline }: Vertex) =>
    `${role} "${id}"${pipeline ? ` in pipeline "${pipeline}"` : ''}`;
  const { cycle } = found;
  const left = cycle.length - 2 * shownAtEachEnd;
  const way =
    left > 1
      ? [
          ...cycle.slice(0, shownAtEachEnd).map(name),
          `${left} more`,
          ...cycle.slice(-shownAtEachEnd).map(name),
        ]
      : cycle.map(name);
  return `cycle detected: ${way.join(' -> ')}: take one connector on the way out of a pipeline`;
}

/** Vertices of a cycle at each end of its description. */
const shownAtEachEnd = 4;
