import { type Command, Option } from 'commander';
import type { Applied } from '../component.ts';
import { defaultSocket } from '../extensions/admin/endpoint.ts';
import type { ReloadReply } from '../extensions/admin/reload-reply.ts';
import { printable } from '../printable.ts';
import { seconds } from '../telemetry/units.ts';
import { askAgent, withSocket } from './agent-socket.ts';
import { CommandError } from './command-error.ts';
import { end, print, report } from './output.ts';

export function addReload(program: Command): void {
  withSocket(program.command('reload'))
    .description(
      'Make the running agent read again what its own --config and --set name, open its log files anew, and say what has changed.',
    )
    .addOption(new Option('--config <source>').hideHelp())
    .action(async ({ socket = defaultSocket, config }: { socket?: string; config?: string }) => {
      if (config !== undefined)
        throw new CommandError(
          'cannot reload another configuration: the agent reads again what it was started with. Leave --config out; --socket names the agent',
        );
      const { stdout, stderr } = await reload(socket);
      if (stdout !== '') print(stdout);
      if (stderr === '') return;
      report(stderr);
      end(1);
    });
}

/** What the command prints; its exit code is 1 where that goes to standard error. */
export async function reload(socket: string): Promise<{ stdout: string; stderr: string }> {
  const reply = await askAgent<ReloadReply>({
    socket,
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
        `cannot say whether the configuration was applied: the agent at ${socket} ends, or closes this socket for the new configuration; its log has the outcome`,
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
