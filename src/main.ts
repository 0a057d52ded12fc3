#!/usr/bin/env -S node --max-semi-space-size=1 --v8-pool-size=1 --no-maglev --no-sparkplug --disable-sigusr1
import { Command } from 'commander';
import { commandFirst } from './cli/command-first.ts';
import { addCompletion } from './cli/completion.ts';
import { addComponents } from './cli/components.ts';
import { addExplain } from './cli/explain/explain.ts';
import { addFeatureGate } from './cli/featuregate.ts';
import { end, explain, report } from './cli/output.ts';
import { addPrintConfig } from './cli/print-config.ts';
import { addReload } from './cli/reload.ts';
import { addRun } from './cli/run.ts';
import { refuseUnknownCommand } from './cli/unknown-command.ts';
import { addValidate } from './cli/validate.ts';
import { printableLines } from './printable.ts';
import { version } from './version.ts';

const program = new Command('earshot')
  .description('Why is my container waiting for CPU, and which workload makes it wait?')
  .version(version, '-v, --version')
  .configureOutput({
    outputError: (text, write) => write(printableLines(text.replace(/^error: /, 'Error: '))),
  });

for (const add of [
  ...[addRun, addReload, addExplain, addValidate, addPrintConfig],
  ...[addComponents, addFeatureGate, addCompletion],
])
  add(program);

// Node.js would print the error as it is.
process.on('uncaughtException', (error) => {
  report(`Error: ${explain(error)}`);
  process.exit(1);
});

try {
  const args = commandFirst(program, process.argv.slice(2));
  refuseUnknownCommand(program, args[0]);
  await program.parseAsync(args, { from: 'user' });
} catch (error) {
  report(`Error: ${explain(error)}`);
  end(1);
}
