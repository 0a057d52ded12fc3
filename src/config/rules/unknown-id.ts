import { signalNames } from '../../telemetry/batch.ts';
import { type Section, sections } from '../schema/file-schema.ts';
import { didYouMean } from './did-you-mean.ts';
import { counterpartOf } from './from-the-collector.ts';

/** Why an id names no component of its section. */
export function explainUnknownId(
  id: string,
  section: Section,
  typesOf: (section: Section) => readonly string[],
): string {
  const malformed = explainMalformedId(id);
  if (malformed) return malformed;
  const type = typePart(id);
  const types = typesOf(section);
  if (types.includes(type)) return `invalid character(s) in name "${id.slice(type.length + 1)}"`;
  const counterpart = counterpartOf(section, type);
  if (counterpart) return `unknown type: "${type}" for id: "${id}": ${counterpart.replaceAll('`', '"')}`;
  const other = sections.find((other) => typesOf(other).includes(type));
  if (other) return `unknown type: "${type}" for id: "${id}": it stands in ${other}, not in ${section}`;
  if (types.length === 0) return `unknown type: "${type}" for id: "${id}": there are no ${section}`;
  const remedy = didYouMean(type, types) || ` (valid values: [${types.join(' ')}])`;
  return `unknown type: "${type}" for id: "${id}"${remedy}`;
}

/** Why an id is not that of a pipeline. */
export function explainUnknownPipeline(id: string): string {
  const malformed = explainMalformedId(id);
  if (malformed) return malformed;
  const signal = typePart(id);
  const remedy = didYouMean(signal, signalNames);
  return `unknown signal "${signal}"${remedy}: a pipeline's id is a signal (${signalNames.join(', ')}), or signal/name`;
}

const typePart = (id: string) => id.split('/', 1)[0] ?? '';

function explainMalformedId(id: string): string | undefined {
  if (id === '') return 'id must not be empty';
  if (id.startsWith('/')) return `in "${id}" id: the part before / should not be empty`;
  if (id.endsWith('/') && id.indexOf('/') === id.length - 1)
    return `in "${id}" id: the part after / should not be empty`;
  if (/:\S/.test(id)) return `unknown key "${id}": is a space missing after ":"?`;
  if (!/^[a-zA-Z][0-9a-zA-Z_]{0,62}$/.test(typePart(id)))
    return `invalid character(s) in type "${typePart(id)}"`;
  return undefined;
}
