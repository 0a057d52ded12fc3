import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { components } from '../components.ts';
import type { Config } from '../config/config.ts';
import type { ConfigInput } from '../config/load.ts';
import { loadWithRemote } from '../config/remote.ts';

export interface ConfigOptions {
  readonly config: readonly string[];
  readonly set: readonly string[];
  readonly featureGates: readonly string[];
}

/** Adds the options that name a configuration. */
export function withConfig(command: Command): Command {
  const collect = (value: string, before: readonly string[]) => [...before, value];
  return command
    .option(
      '--config <source>',
      'configuration file, or env:NAME, yaml:TEXT, http://…, https://…, - for standard input; repeat it to merge several, the last one wins',
      collect,
      [],
    )
    .option(
      '--set <key=value>',
      'set one value over the files, as exporters::debug::verbosity=normal',
      collect,
      [],
    )
    .option(
      '--feature-gates <ids>',
      'gates to enable, or with - in front to disable: a,-b,+c; `earshot featuregate` lists them',
      collect,
      [],
    );
}

let stdin: Buffer | undefined;

/** It can be read once; a reload has the same text. */
function readStdin(): Buffer {
  stdin ??= readFileSync(0);
  return stdin;
}

const pipes = new Map<string, Buffer>();

/** Throws a `ConfigError` with all problems. */
export function load(
  { config, set, featureGates }: ConfigOptions,
  { withOrigins = false }: Pick<ConfigInput, 'withOrigins'> = {},
): Promise<Config> {
  return loadWithRemote(
    { files: config, sets: set, featureGates, environment: process.env, readStdin, pipes, withOrigins },
    components,
  );
}
