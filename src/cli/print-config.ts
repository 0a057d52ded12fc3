import type { Command } from 'commander';
import { printConfig } from '../config/print.ts';
import { type ConfigOptions, load, withConfig } from './config-options.ts';
import { print } from './output.ts';

export function addPrintConfig(program: Command): void {
  withConfig(program.command('print-config'))
    .description('Print the configuration as it takes effect, with defaults and without secrets.')
    .action(async (options: ConfigOptions) => print(printConfig(await load(options))));
}
