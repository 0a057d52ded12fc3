import type { Command } from 'commander';
import { components } from '../components.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';

export interface ConfigOptions {
  readonly config: readonly string[];
  readonly set: readonly string[];
}

/** Adds the options that name a configuration. */
export function withConfig(command: Command): Command {
  const collect = (value: string, before: readonly string[]) => [...before, value];
  return command
    .option(
      '--config <file>',
      'configuration file; repeat it to merge several, the last one wins',
      collect,
      [],
    )
    .option(
      '--set <key=value>',
      'set one value over the files, as exporters::debug::verbosity=normal',
      collect,
      [],
    );
}

/** Throws a `ConfigError` with all problems. */
export function load({ config, set }: ConfigOptions): Config {
  return loadConfig({ files: config, sets: set, environment: process.env }, components);
}
