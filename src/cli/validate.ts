import type { Command } from 'commander';
import { describeProblem } from '../config/config-error.ts';
import { type ConfigOptions, load, withConfig } from './config-options.ts';
import { report } from './output.ts';

export function addValidate(program: Command): void {
  withConfig(program.command('validate'))
    .description('Check the configuration without running; silent if it is right.')
    .action(async (options: ConfigOptions) => {
      const { warnings } = await load(options);
      for (const warning of warnings) report(`Warning: ${describeProblem(warning)}`);
    });
}
