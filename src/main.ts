#!/usr/bin/env -S node --max-semi-space-size=1
import { Command, type OptionValues } from 'commander';
import { stringify } from 'yaml';
import { components } from './components.ts';
import type { Config } from './config/config.ts';
import { ConfigError, describeProblem } from './config/config-error.ts';
import { loadConfig } from './config/load.ts';
import { printConfig } from './config/print.ts';
import { sectionOf, sections } from './config/schema/file-schema.ts';
import { createLog } from './log.ts';
import { thisMachine } from './machine/machine.ts';
import { createKernel } from './receivers/scheduler/create-kernel.ts';
import { systemClock } from './runtime/clock.ts';
import { type Service, StartError, startService } from './runtime/service.ts';
import { createCounters } from './telemetry/counters.ts';
import { version } from './version.ts';

interface ConfigOptions {
  readonly config: readonly string[];
  readonly set: readonly string[];
}

interface RunOptions extends ConfigOptions {
  readonly fallbackRecording?: string;
}

const program = new Command('earshot')
  .description('Why is my container waiting for CPU, and who makes it wait?')
  .version(version, '-v, --version')
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'Error: ')) });

withConfig(program.command('run', { isDefault: true }))
  .description('Run the agent until SIGINT or SIGTERM.')
  .option('--fallback-recording <file>', 'replay this recording where the kernel cannot be watched')
  .action(run);

withConfig(program.command('validate'))
  .description('Check the configuration without running; silent if it is right.')
  .action((options: ConfigOptions) => {
    for (const warning of load(options).warnings) say(`Warning: ${describeProblem(warning)}`);
  });

withConfig(program.command('print-config'))
  .description('Print the configuration as it takes effect, with defaults and without secrets.')
  .action((options: ConfigOptions) => void process.stdout.write(printConfig(load(options))));

program
  .command('components')
  .description('List the components there are, as YAML.')
  .action(() => void process.stdout.write(listComponents()));

try {
  await program.parseAsync();
} catch (error) {
  say(`Error: ${explain(error)}`);
  end(1);
}

/**
 * The process ends by itself, because nothing is left running. `process.exit` is only for what should not happen: it
 * waits for V8's compiler threads, and one of those may be waiting for the main thread to collect garbage.
 */
function end(code: number): void {
  process.exitCode = code;
  setTimeout(() => process.exit(), 2000).unref();
}

function withConfig(command: Command): Command {
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

function load({ config, set }: ConfigOptions): Config {
  return loadConfig({ files: config, sets: set, environment: process.env }, components);
}

async function run(options: RunOptions & OptionValues): Promise<void> {
  const config = load(options);
  const log = createLog(config.telemetry.logs, say);
  for (const warning of config.warnings) log.warn(describeProblem(warning));
  const stopRequest = listenForStop();

  const counters = createCounters();
  const start = (recording?: string) =>
    startService(config, {
      ...{ log, counters },
      kernel: createKernel({ log, counters, host: config.host, ...(recording && { recording }) }),
      ...{ clock: systemClock, machine: thisMachine(config.host.root_path) },
    });
  log.info({ version }, 'Starting earshot...');
  const service = await start().catch((error: unknown): Promise<Service> => {
    if (!(error instanceof StartError && error.code === 'UNSUPPORTED' && options.fallbackRecording))
      throw error;
    say(`${error.message}\nReplaying a recording instead: ${options.fallbackRecording}`);
    return start(options.fallbackRecording);
  });

  log.info({ reason: await stopRequest }, 'Received shutdown request');
  await service.stop();
  end(0);
}

/** Resolves with the reason when the agent shall end in order; a second signal ends it at once. */
function listenForStop(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let isStopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (isStopping) process.exit(1);
      isStopping = true;
      resolve(signal);
    });
  // Nobody reads any more, as in `earshot run | head`.
  process.stdout.on('error', () => resolve('standard output is closed'));
  // Without a reader of the log there is nobody to tell.
  process.stderr.on('error', () => {});
  return promise;
}

function listComponents(): string {
  const described = sections.map((section) => [
    section,
    components
      .filter(({ kind }) => sectionOf(kind) === section)
      .map((component) => ({
        name: component.type,
        summary: component.summary,
        ...('signals' in component && { signals: component.signals }),
        ...('connects' in component && {
          connects: component.connects.map(([from, to]) => `${from} to ${to}`),
        }),
      })),
  ]);
  return stringify(
    { buildinfo: { command: 'earshot', version }, ...Object.fromEntries(described) },
    { lineWidth: 0 },
  );
}

function explain(error: unknown): string {
  if (error instanceof ConfigError) {
    const { length } = error.problems;
    return `invalid configuration${length === 1 ? '' : `, ${length} problems`}:\n${error.message}`;
  }
  if (error instanceof StartError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function say(text: string): void {
  process.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
}
