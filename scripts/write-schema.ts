import { writeFileSync } from 'node:fs';
import { components } from '../src/components.ts';
import { publishedSchema } from '../src/config/schema/file-schema.ts';

/** Writes `config/schema.json`, by which editors complete and check a configuration, from the components. */
export const path = new URL('../config/schema.json', import.meta.url);

export const schemaDocument = () => `${JSON.stringify(publishedSchema(components), null, 2)}\n`;

if (import.meta.main) writeFileSync(path, schemaDocument());
