import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { goProgram } from './go-programs.ts';

const sources = fileURLToPath(new URL('./prometheus', import.meta.url));
const module = 'github.com/prometheus/prometheus';

/** Prometheus 3, whose modules count as 0.3xx. Some minutes the first time. */
export function prometheusBinary(): string {
  const required = new RegExp(`${module} v(\\S+)`).exec(readFileSync(join(sources, 'go.mod'), 'utf8'));
  return goProgram({
    ...{ name: 'prometheus', version: `${required?.[1]}` },
    ...{ sources, package: `${module}/cmd/prometheus` },
  });
}
