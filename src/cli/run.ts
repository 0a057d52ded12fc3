import type { Command } from 'commander';
import type { Logger } from 'pino';
import { createBpfHost } from '../bpf/host.ts';
import { loadNative } from '../bpf/native.ts';
import { UnsupportedError } from '../bpf/unsupported-error.ts';
import type { Config } from '../config/config.ts';
import { ConfigError, sentenceOf } from '../config/config-error.ts';
import { systemClock } from '../machine/clock.ts';
import { collectGarbage } from '../machine/collect-garbage.ts';
import { thisMachine } from '../machine/machine.ts';
import { dataAttributesOf, ownResourceOf } from '../own-telemetry/own-resource.ts';
import { createOwnTelemetry } from '../own-telemetry/own-telemetry.ts';
import { type Agent, createAgent } from '../runtime/agent.ts';
import { watchFiles } from '../runtime/config-watch.ts';
import { StartError } from '../runtime/start-error.ts';
import type { World } from '../runtime/world.ts';
import { createCounters } from '../telemetry/counters.ts';
import { version } from '../version.ts';
import { type ConfigOptions, load, withConfig } from './config-options.ts';
import { end, explain, report } from './output.ts';
import { openOwnLog } from './own-log.ts';
import { serviceManager } from './service-manager.ts';
import { holdHangUp, stopRequest } from './stop-request.ts';

interface RunOptions extends ConfigOptions {
  readonly fallbackConfig?: string;
  readonly watch?: true;
}

type Running = Omit<Agent, 'apply'>;

export function addRun(program: Command): void {
  withConfig(program.command('run', { isDefault: true }))
    .description(
      'Run the agent until SIGINT, SIGTERM or SIGQUIT; SIGHUP makes it read its configuration again, and open its log files anew.',
    )
    .option('--fallback-config <file>', 'configuration to run where this machine does not support the other')
    .option('--watch', 'read the configuration again, too, when one of its files has changed')
    .action(run);
}

async function run(options: RunOptions): Promise<void> {
  const hasHungUp = holdHangUp();
  const first = await read(options);
  const fallback = await fallbackOf(options);
  const ownLog = openOwnLog(first.config.telemetry.logs);
  const { log } = ownLog;
  for (const warning of first.config.warnings) log.warn(sentenceOf(warning));
  const manager = serviceManager({
    ...{ environment: process.env, clock: systemClock, pid: process.pid },
    send: (path, message) => loadNative().sendDatagram(path, message),
    onFailure: (error) => log.warn({ error }, 'The service manager cannot be told the state of the agent.'),
  });
  let running: Running | undefined;
  let early: string | undefined;
  const reload = (reason: string) => {
    if (running === undefined) {
      early = reason;
      return;
    }
    log.info(`${reason} Reloading the configuration...`);
    manager.reloading();
    running
      .reload()
      .catch(() => {}) // logged
      .finally(() => {
        releaseMemory();
        manager.reloaded();
      });
  };
  const stopped = stopRequest({
    reload: () => reload('Received SIGHUP.'),
    printsOnly: () => running?.printsOnly ?? false,
  });
  if (hasHungUp()) reload('Received SIGHUP.');

  const start = async ({ config, from }: Read): Promise<Running> => {
    const world = worldOf(config, log);
    let { files } = config;
    const agent = createAgent(world, {
      load() {
        ownLog.reopen();
        const loading = load(from);
        loading.then(
          (loaded) => {
            files = loaded.files;
          },
          (error: unknown) => {
            if (error instanceof ConfigError) files = error.files;
          },
        );
        return loading;
      },
      async applyTelemetry({ metrics, logs }) {
        ownLog.apply(logs);
        await telemetry.apply(metrics);
      },
    });
    const { health } = agent;
    const telemetry = createOwnTelemetry({ ...world, health });
    try {
      await agent.apply(config);
    } catch (error) {
      await telemetry.close();
      throw error;
    }
    const onChange = () => reload('A configuration file has changed.');
    const watching = options.watch && watchFiles({ clock: systemClock, known: () => files, onChange });
    return {
      ...agent,
      get printsOnly() {
        return agent.printsOnly;
      },
      async stop() {
        await watching?.stop();
        await agent.stop();
        await telemetry.close();
      },
    };
  };
  log.info({ version }, 'Starting earshot...');
  running = await start(first).catch((error: unknown) => {
    if (!(error instanceof StartError && error.code === 'UNSUPPORTED' && fallback)) throw error;
    report(`${explain(error)}\nRunning the fallback configuration instead: ${fallback.from.config}`);
    return start(fallback);
  });
  releaseMemory();

  manager.ready(running);
  if (early !== undefined) reload(`${early} It came during the start.`);
  const reason = await stopped;
  manager.stopping();
  log.info({ reason }, 'Received shutdown request');
  await running.stop();
  end(0);
}

/** To read a configuration and to start needs three times the memory that stays in use. */
function releaseMemory(): void {
  collectGarbage();
  try {
    loadNative().trimMemory();
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error; // an agent without eBPF runs without the addon, too
  }
}

interface Read {
  readonly from: ConfigOptions;
  readonly config: Config;
}

const read = async (from: ConfigOptions): Promise<Read> => ({ from, config: await load(from) });

/** Loaded before anything opens, so that it is refused at once if it is wrong. `--set` is not for it. */
const fallbackOf = ({ fallbackConfig: file, featureGates }: RunOptions) =>
  file === undefined ? undefined : read({ config: [file], set: [], featureGates });

function worldOf({ host, telemetry }: Config, log: Logger): World {
  const machine = thisMachine(host.root_path);
  return {
    ...{ log, counters: createCounters(), clock: systemClock, hostSettings: host, machine },
    bpf: createBpfHost({ rootPath: host.root_path }),
    ownResource: ownResourceOf(telemetry.resource, machine.name),
    dataAttributes: dataAttributesOf(telemetry.resource),
  };
}
