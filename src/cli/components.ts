import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { Component, Stability } from '../component.ts';
import { components } from '../components.ts';
import { sectionOf, sections } from '../config/schema/file-schema.ts';
import { version } from '../version.ts';
import { print } from './output.ts';

export function addComponents(program: Command): void {
  program
    .command('components')
    .description('List the components there are, as YAML.')
    .action(() => print(listComponents()));
}

/** In the form of the Collector's command of the same name. */
function listComponents(): string {
  const described = sections.map((section) => [
    section,
    components.filter(({ kind }) => sectionOf(kind) === section).map(describe),
  ]);
  return stringify(
    { buildinfo: { command: 'earshot', version }, ...Object.fromEntries(described) },
    { lineWidth: 0 },
  );
}

function describe(component: Component) {
  return {
    name: component.type,
    summary: component.summary,
    ...(component.kind === 'connector'
      ? {
          connects: component.connects.map(
            ({ from, to, stability }) => `${from} to ${to}: ${title(stability)}`,
          ),
        }
      : { stability: stabilityOf(component) }),
  };
}

function stabilityOf({ stability }: Exclude<Component, { kind: 'connector' }>) {
  if (typeof stability === 'string') return { extension: title(stability) };
  return Object.fromEntries(Object.entries(stability).map(([signal, level]) => [signal, title(level)]));
}

const title = (level: Stability) => level.charAt(0).toUpperCase() + level.slice(1);
