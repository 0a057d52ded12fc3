import { readFileSync } from 'node:fs';

const [shebang = ''] = readFileSync(new URL('../src/main.ts', import.meta.url), 'utf8').split('\n', 1);

/** The flags of Node.js that the agent runs with. */
export const agentFlags: readonly string[] = shebang.match(/--[\w=-]+/g) ?? [];
