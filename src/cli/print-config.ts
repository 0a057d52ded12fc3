import type { Command } from 'commander';
import { printConfig } from '../config/print.ts';
import { type ConfigOptions, load, withConfig } from './config-options.ts';
import { print } from './output.ts';

interface PrintOptions extends ConfigOptions {
  readonly printOrigin?: true;
}

export function addPrintConfig(program: Command): void {
  withConfig(program.command('print-config'))
    .description('Print the configuration as it takes effect, with defaults and without secrets.')
    .option('--print-origin', 'behind each value as a comment where it was written')
    .action(async ({ printOrigin, ...options }: PrintOptions) =>
      print(printConfig(await load(options, { withOrigins: printOrigin === true }))),
    );
}
