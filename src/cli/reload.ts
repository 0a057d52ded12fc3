import type { Command } from 'commander';
import type { Applied } from '../component.ts';
import type { ReloadReply } from '../extensions/admin/reload-reply.ts';
import { printable } from '../printable.ts';
import { seconds } from '../telemetry/units.ts';
import { askAgent, socketIn, withSocket } from './agent-socket.ts';
import { CommandError } from './command-error.ts';
import { type ConfigOptions, load, withConfig } from './config-options.ts';
import { end, print, report } from './output.ts';

export interface ReloadOptions extends ConfigOptions {
  readonly socket?: string;
}

export function addReload(program: Command): void {
  withSocket(withConfig(program.command('reload')))
    .description(
      'Make the running agent read its configuration again, and say what has changed; --config only names its socket.',
    )
    .action(async (options: ReloadOptions) => {
      const { stdout, stderr } = await reload(options);
      if (stdout !== '') print(stdout);
      if (stderr === '') return;
      report(stderr);
      end(1);
    });
}

/** What the command prints; its exit code is 1 where that goes to standard error. */
export async function reload({
  socket,
  ...from
}: ReloadOptions): Promise<{ stdout: string; stderr: string }> {
  const config = from.config.length > 0 && socket === undefined ? await load(from) : undefined;
  const path = socket ?? socketIn(config);
  const reply = await askAgent<ReloadReply>({
    socket: path,
    // What is closed may deliver for some seconds before.
    ...{ method: 'POST', path: '/v1/reload', timeout: seconds(60) },
    kinds: ['applied', 'refused', 'closing'],
  });
  switch (reply.kind) {
    case 'applied':
      return { stdout: describe(reply), stderr: '' };
    case 'refused': {
      const all = reply.problems.map((problem) => problem.split('\n').map(printable).join('\n'));
      const text = ['configuration refused, the agent goes on with the one that it has:', ...all].join('\n');
      return { stdout: '', stderr: `Error: ${text}` };
    }
    case 'closing':
      throw new CommandError(
        `cannot say whether the configuration was applied: the agent at ${path} ends, or closes this socket for the new configuration; its log has the outcome`,
      );
  }
}

function describe({ opened, closed, reconfigured, kept }: Applied): string {
  const isRestarted = (key: string) => opened.includes(key) && closed.includes(key);
  const changes: readonly (readonly [change: string, keys: readonly string[]])[] = [
    ['restarted', opened.filter(isRestarted)],
    ['opened', opened.filter((key) => !isRestarted(key))],
    ['closed', closed.filter((key) => !isRestarted(key))],
    ['reconfigured', reconfigured],
  ];
  const lines = changes.flatMap(([change, keys]) =>
    keys.map((key) => `${change.padEnd(indent)}${printable(key)}\n`),
  );
  return `${lines.join('')}${'unchanged'.padEnd(indent)}${kept.length}\n`;
}

const indent = 14;
