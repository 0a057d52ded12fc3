import type { Command } from 'commander';
import type { Logger } from 'pino';
import { createBpfHost } from '../bpf/host.ts';
import type { Config } from '../config/config.ts';
import { sentenceOf } from '../config/config-error.ts';
import { createLog } from '../log.ts';
import { systemClock } from '../machine/clock.ts';
import { thisMachine } from '../machine/machine.ts';
import { dataAttributesOf, ownResourceOf } from '../own-telemetry/own-resource.ts';
import { openOwnTelemetry } from '../own-telemetry/own-telemetry.ts';
import { type Agent, createAgent } from '../runtime/agent.ts';
import { StartError } from '../runtime/start-error.ts';
import type { World } from '../runtime/world.ts';
import { createCounters } from '../telemetry/counters.ts';
import { version } from '../version.ts';
import { type ConfigOptions, load, withConfig } from './config-options.ts';
import { end, explain, report } from './output.ts';
import { stopRequest } from './stop-request.ts';

interface RunOptions extends ConfigOptions {
  readonly fallbackConfig?: string;
}

type Running = Pick<Agent, 'reload' | 'printsOnly' | 'stop'>;

export function addRun(program: Command): void {
  withConfig(program.command('run', { isDefault: true }))
    .description(
      'Run the agent until SIGINT, SIGTERM or SIGQUIT; SIGHUP makes it read its configuration again.',
    )
    .option('--fallback-config <file>', 'configuration to run where this machine does not support the other')
    .action(run);
}

async function run(options: RunOptions): Promise<void> {
  const config = load(options);
  const fallback = fallbackOf(options);
  const log = createLog(config.telemetry.logs, report);
  for (const warning of config.warnings) log.warn(sentenceOf(warning));
  let running: Running | undefined;
  const stopped = stopRequest({
    reload() {
      log.info('Received SIGHUP. Reloading the configuration...');
      running?.reload().catch(() => {}); // logged
    },
    printsOnly: () => running?.printsOnly ?? false,
  });

  const start = async (first: Config, from: ConfigOptions): Promise<Running> => {
    const world = worldOf(first, log);
    const agent = createAgent(world, () => load(from));
    const { health } = agent;
    const telemetry = await openOwnTelemetry(first.telemetry.metrics, { ...world, health });
    try {
      await agent.apply(first);
    } catch (error) {
      await telemetry.close();
      throw error;
    }
    return {
      reload: agent.reload,
      get printsOnly() {
        return agent.printsOnly;
      },
      async stop() {
        await agent.stop();
        await telemetry.close();
      },
    };
  };
  log.info({ version }, 'Starting earshot...');
  running = await start(config, options).catch((error: unknown) => {
    if (!(error instanceof StartError && error.code === 'UNSUPPORTED' && fallback)) throw error;
    report(`${explain(error)}\nRunning the fallback configuration instead: ${fallback.from.config}`);
    return start(fallback.config, fallback.from);
  });

  log.info({ reason: await stopped }, 'Received shutdown request');
  await running.stop();
  end(0);
}

/** Loaded before anything opens, so that it is refused at once if it is wrong. `--set` is not for it. */
function fallbackOf({ fallbackConfig: file }: RunOptions) {
  if (file === undefined) return undefined;
  const from: ConfigOptions = { config: [file], set: [] };
  return { from, config: load(from) };
}

function worldOf({ host, telemetry }: Config, log: Logger): World {
  const machine = thisMachine(host.root_path);
  return {
    ...{ log, counters: createCounters(), clock: systemClock, hostSettings: host, machine },
    bpf: createBpfHost({ rootPath: host.root_path }),
    ownResource: ownResourceOf(telemetry.resource, machine.name),
    dataAttributes: dataAttributesOf(telemetry.resource),
  };
}
