import { readFileSync } from 'node:fs';

// Beside `src/` as beside `dist/`.
const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** The version of this package. */
export const version = (manifest as { readonly version: string }).version;
