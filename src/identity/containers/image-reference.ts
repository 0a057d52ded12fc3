import type { ImageFacts } from '../facts.ts';

const digestOnly = /^(?:sha256:)?[0-9a-f]{12,64}$/;

/** `registry:5000/team/app:1.2@sha256:…` in its parts; undefined: it is only an image's id. */
export function parseImageReference(reference: string | undefined): ImageFacts | undefined {
  if (!reference || digestOnly.test(reference)) return undefined;
  const [, named = '', digest] = /^(.*?)(?:@([a-z0-9+._-]+:[0-9a-fA-F]+))?$/.exec(reference) ?? [];
  // a colon before the last slash is the registry's port
  const [, name = '', tag] = /^(.*?)(?::([^/:]+))?$/.exec(named) ?? [];
  if (name === '') return undefined;
  return { name, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}
