import type { Command } from 'commander';
import { describeProblem } from '../config/config-error.ts';
import { type ConfigOptions, load, withConfig } from './config-options.ts';
import { report } from './output.ts';

export function addValidate(program: Command): void {
  withConfig(program.command('validate'))
    .description('Check the configuration without running; silent if it is right.')
    .action((options: ConfigOptions) => {
      for (const warning of load(options).warnings) report(`Warning: ${describeProblem(warning)}`);
    });
}
